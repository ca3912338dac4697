import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { operatorLogin } from '../../plugins/operator-login.ts'
import { zodValidation } from '../../plugins/zod-validation.ts'
import { audit } from '../../routes/api/audit.ts'
import { Failure, failureRow } from '../../src/frames/failure.ts'
import { told } from '../store/builders.ts'
import { openStore } from '../store/open-sqlite.ts'

const token = 'operator-token-of-the-test-suite-0123'
const records = [
  told({ id: 'a:1:intent', execution: 'a', action: 'tool.call', outcome: null, at: '2026-01-01T00:00:01.000Z' }),
  told({ id: 'a:1:outcome', execution: 'a', action: 'tool.call', actor: 'ann', at: '2026-01-01T00:00:02.000Z' }),
  told({ id: 'server:1:start', tenant: 'server', actor: 'server', at: '2026-01-01T00:00:03.000Z' }),
  told({ id: 'other', tenant: 'other', at: '2026-01-01T00:00:04.000Z' })
]

t.test('records are shown newest first, of all tenants that are served', async t => {
  const { get } = await open(t)
  const reply = await get('/api/audit')
  t.equal(reply.statusCode, 200)
  t.strictSame(reply.json(), { records: [records[2], records[1], records[0]], next: null })
})

t.test('what is asked for is what is shown, page by page', async t => {
  const { ids, get } = await open(t)
  t.strictSame(await ids('actor=ann'), ['a:1:outcome'])
  t.strictSame(await ids('action=tool.call&actor=principal-1'), ['a:1:intent'])
  t.strictSame(await ids('execution=a'), ['a:1:outcome', 'a:1:intent'])
  t.strictSame(await ids('tenant=server'), ['server:1:start'])
  t.strictSame(await ids('tenant=other'), ['other'], 'also one that is not served any more')
  t.strictSame(await ids('from=2026-01-01T00:00:02Z&to=2026-01-01T00:00:03Z'), ['a:1:outcome'])
  const { next } = (await get('/api/audit?limit=2')).json()
  t.strictSame(await ids(`limit=2&after=${next}`), ['a:1:intent'])
})

t.test('what makes no sense is refused with a sentence, and nothing is shown without the token', async t => {
  const { app, get } = await open(t)
  const bad = ['limit=0', 'limit=201', 'from=yesterday', 'to=2026-01-01', 'after=', 'after=x', 'actor=', 'planted=1']
  for (const query of bad) {
    const reply = await get(`/api/audit?${query}`)
    t.equal(reply.statusCode, 400, query)
    t.equal(reply.body, failureRow('QUERY_INVALID').sentence)
  }
  t.equal((await app.inject('/api/audit')).statusCode, 401)
})

async function open(t: Test) {
  const { store } = await openStore(t)
  await store.audit(records)
  const app = Fastify()
  app.setErrorHandler((error, _request, reply) => {
    const { sentence, status } = failureRow(error instanceof Failure ? error.code : 'WORK_BROKEN')
    return reply.code(status).send(sentence)
  })
  await app.register(zodValidation)
  await app.register(operatorLogin, { token })
  await app.register(audit, { store, tenants: ['tenant-1', 'server'] })
  t.teardown(() => app.close())
  const get = (url: string) => app.inject({ url, headers: { authorization: `Bearer ${token}` } })
  const ids = async (query: string): Promise<string[]> =>
    (await get(`/api/audit?${query}`)).json().records.map(({ id }: { id: string }) => id)
  return { app, get, ids }
}
