import t from 'tap'
import { tenants } from '../chaos/cases/tenants.ts'

t.test('in many interleaved turns with random faults nothing of one tenant is passed to the other', async t => {
  t.strictSame((await tenants(t, 500)).problems, [])
})
