import { MongoClient } from 'mongodb'
import t from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import { accountSid, setStage } from '../stage.ts'

process.env.MONGODB_URI = process.env.TEST_MONGODB_URI

t.test('what a process that was killed had not told yet is told once, by the sweep of any other', async t => {
  const stage = await setStage(t, { agent: demoAgent })
  const server = await stage.start()
  const uri = stage.env.MONGODB_URI ?? ''
  const client = new MongoClient(uri)
  t.teardown(() => client.close())
  const guard = (validator: object) => client.db().command({ collMod: 'audit', validator })
  await guard({ outcome: null })
  const posted = await stage.caller.text('Remind me to buy apples')
  await stage.ended(posted.messageSid)
  await server.kill('SIGKILL')
  await guard({})
  const store = await openMongoStore({ uri, clock: systemClock, entropy: systemEntropy, contentMs: 1e9 })
  t.teardown(() => store.close())
  const query = { tenants: [accountSid], execution: `messaging:${accountSid}:${posted.messageSid}`, limit: 10 }
  const outcomes = async () => (await store.auditPage(query)).records.map(({ outcome }) => outcome)
  t.strictSame(await outcomes(), [null, null])
  await store.sweep()
  t.strictSame((await outcomes()).toSorted(), ['done', 'done', null, null])
  await store.sweep()
  t.equal((await outcomes()).length, 4)
})
