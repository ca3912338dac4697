import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { operatorLogin } from '../../plugins/operator-login.ts'
import { securityHeaders } from '../../plugins/security-headers.ts'
import { zodValidation } from '../../plugins/zod-validation.ts'
import { conversations } from '../../routes/api/conversations.ts'
import { executions } from '../../routes/api/executions.ts'
import { inbox } from '../../routes/api/inbox.ts'
import { systemClock as clock } from '../../src/frames/clock.ts'
import { systemEntropy as entropy } from '../../src/frames/entropy.ts'
import type { State } from '../../src/frames/execution.ts'
import { Failure, failureRow } from '../../src/frames/failure.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { noTail } from '../../src/frames/tail.ts'
import { retryExecution } from '../../src/inbox/retry.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { auditOf } from '../audit/audit-of.ts'

const token = 'operator-token-of-the-test-suite-0123'
const authorization = `Bearer ${token}`
const tenant = `AC${'c3'.repeat(16)}`
const provenance = { origin: 'test', integrity: 'user_typed', confidentiality: 'user', ref: null } as const

type Opened = { app: FastifyInstance; store: Store }

async function open(t: Test, login: { token: string | undefined } = { token }): Promise<Opened> {
  const store = await openSqliteStore({ dir: t.testdir(), clock, entropy, contentMs: 1_000_000 })
  const app = Fastify()
  app.setErrorHandler((error, _request, reply) => {
    const code = error instanceof Failure ? error.code : 'WORK_BROKEN'
    return reply.code(failureRow(code).status).send({ error: { code } })
  })
  await app.register(async api => {
    await api.register(securityHeaders)
    await api.register(zodValidation)
    await api.register(operatorLogin, login)
    await api.register(conversations, { store })
    await api.register(executions, { store })
    await api.register(inbox, { retry: (id, effect) => retryExecution({ store, clock, entropy, auditOf }, id, effect) })
  })
  t.teardown(async () => {
    await app.close()
    await store.close()
  })
  return { app, store }
}

const idOf = (n: number) => `messaging:${tenant}:SM${String(n).padStart(32, '0')}`

/** Keeps a message and, where `end` is given, works it to that end. */
async function keep(store: Store, n: number, lane: string, end?: { state: State; draft: Draft }): Promise<string> {
  const id = idOf(n)
  const to = {
    channel: 'messaging',
    account: tenant,
    message: id.slice(-34),
    from: '+15551234567',
    to: '+14155238886'
  } as const
  const received: Draft<'text.received'> = {
    kind: 'text.received',
    data: { ...to, text: 'hello', media: [], forwarded: false },
    parent: null,
    provenance
  }
  const first = makeFrame(id, noTail, received, { clock, entropy }) as Frame
  await store.accept({ id, lane, tenant, principal: 'p', frames: [first], state: 'queued' })
  if (end === undefined) return id
  const claim = await store.claim({ tenants: [tenant], owner: 'test', leaseMs: 60_000 })
  if (claim === null) throw new Error('nothing to claim')
  const last = makeFrame(id, first, end.draft, { clock, entropy }) as Frame
  await store.finish(claim.lease, id, { state: end.state, frames: [last], takeNext: false, purgeAt: null })
  return id
}

const failed: Draft<'work.failed'> = {
  kind: 'work.failed',
  data: { code: 'PROVIDER_REFUSED', step: 'think', from: 1, tries: 1 },
  parent: null,
  provenance
}
const unknown: Draft<'outcome.unknown'> = {
  kind: 'outcome.unknown',
  data: { code: 'OUTCOME_UNKNOWN', step: 'run-tool', from: 1 },
  parent: null,
  provenance
}

const get = (app: FastifyInstance, url: string) => app.inject({ url, headers: { authorization } })
const codeOf = (reply: { json(): { error: { code: string } } }) => reply.json().error.code

t.test('without a configured token there is no API, whatever is sent', async t => {
  const { app } = await open(t, { token: undefined })
  for (const header of [undefined, authorization, 'Bearer ', 'Bearer undefined']) {
    const headers = header === undefined ? {} : { authorization: header }
    const reply = await app.inject({ url: '/api/conversations', headers })
    t.equal(reply.statusCode, 404)
    t.equal(codeOf(reply), 'NOT_FOUND')
  }
})

t.test('only the bearer token opens the API', async t => {
  const { app } = await open(t)
  const wrong = [
    undefined,
    '',
    token,
    'Bearer',
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Basic ${token}`,
    `Bearer ${token} x`
  ]
  for (const header of wrong) {
    const headers = header === undefined ? {} : { authorization: header }
    const reply = await app.inject({ url: '/api/conversations', headers })
    t.equal(reply.statusCode, 401)
    t.equal(reply.headers['www-authenticate'], 'Bearer')
    t.equal(codeOf(reply), 'TOKEN_INVALID')
  }
  t.equal((await get(app, '/api/conversations')).statusCode, 200)
  t.equal(
    (await app.inject({ url: '/api/conversations', headers: { authorization: `bearer ${token}` } })).statusCode,
    200
  )
})

t.test('a route of the API does not come up without its guard', async t => {
  const app = Fastify()
  await app.register(zodValidation)
  const store = { read: async () => null }
  const error = await Promise.resolve(app.register(executions, { store })).catch(error => error)
  t.match(error.message, /operator-login/)
})

t.test('answers are kept nowhere, framed nowhere and run nothing', async t => {
  const { app } = await open(t)
  for (const reply of [await get(app, '/api/conversations'), await app.inject('/api/conversations')]) {
    t.match(reply.headers, {
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff'
    })
  }
})

t.test('conversations come newest first, page by page', async t => {
  const { app, store } = await open(t)
  for (const n of [1, 2, 3]) await keep(store, n, `lane-${n}`)
  const first = (await get(app, '/api/conversations?limit=2')).json()
  t.match(first.conversations, [
    { id: 'lane-3', tenant, executions: [{ id: idOf(3), state: 'queued' }] },
    { id: 'lane-2', tenant, executions: [{ id: idOf(2), state: 'queued' }] }
  ])
  const second = (await get(app, `/api/conversations?limit=2&after=${first.next}`)).json()
  t.match(second, { conversations: [{ id: 'lane-1', tenant }], next: null })
})

t.test('parameters that make no sense are refused and not repeated', async t => {
  const { app } = await open(t)
  const bad = ['limit=0', 'limit=101', 'limit=x', 'limit=1&limit=2', 'planted=1', 'after=', `after=${'9'.repeat(501)}`]
  for (const query of bad) {
    const reply = await get(app, `/api/conversations?${query}`)
    t.equal(reply.statusCode, 400, query)
    t.equal(codeOf(reply), 'QUERY_INVALID')
    t.notMatch(reply.body, /planted/)
  }
})

t.test('a conversation shows its newest executions, and one that is not there is not found', async t => {
  const { app, store } = await open(t)
  for (const n of [1, 2, 3]) await keep(store, n, 'lane')
  t.match((await get(app, '/api/conversations/lane?limit=2')).json(), {
    id: 'lane',
    tenant,
    executions: [{ id: idOf(2) }, { id: idOf(3) }]
  })
  t.equal((await get(app, '/api/conversations/other')).statusCode, 404)
})

t.test('an execution shows its frames as they chain, without their salt', async t => {
  const { app, store } = await open(t)
  const id = await keep(store, 1, 'lane', { state: 'dead', draft: failed })
  for (const spelling of [id, encodeURIComponent(id)]) {
    const shown = (await get(app, `/api/executions/${spelling}`)).json()
    t.match(shown, { id, lane: 'lane', tenant, state: 'dead', at: /^\d{4}-/, n: 2 })
    t.match(shown.frames, [
      { n: 1, kind: 'text.received', parent: null, provenance, data: { text: 'hello' }, hash: /^[0-9a-f]{64}$/ },
      { n: 2, kind: 'work.failed', data: failed.data, hash: /^[0-9a-f]{64}$/ }
    ])
    for (const frame of shown.frames) t.notOk('salt' in frame)
  }
  t.equal(codeOf(await get(app, `/api/executions/${idOf(2)}`)), 'NOT_FOUND')
})

t.test('an execution that ended badly is sent back to work', async t => {
  const { app, store } = await open(t)
  const retry = (id: string, payload?: object) =>
    app.inject({
      method: 'POST',
      url: `/api/inbox/${id}/retry`,
      headers: { authorization },
      ...(payload && { payload })
    })
  const dead = await keep(store, 1, 'lane-1', { state: 'dead', draft: failed })
  const reply = await retry(dead)
  t.equal(reply.statusCode, 200)
  t.strictSame(reply.json(), { id: dead, state: 'queued' })
  t.match((await get(app, `/api/executions/${dead}`)).json(), { state: 'queued', n: 3 })
  t.equal(codeOf(await retry(dead, {})), 'NOT_RETRYABLE')
  t.equal(codeOf(await retry(idOf(9))), 'NOT_FOUND')
})

t.test('an effect that nobody recorded is retried only with the word of the operator', async t => {
  const { app, store } = await open(t)
  const id = await keep(store, 1, 'lane', { state: 'unknown', draft: unknown })
  const retry = (payload?: object) =>
    app.inject({
      method: 'POST',
      url: `/api/inbox/${id}/retry`,
      headers: { authorization },
      ...(payload && { payload })
    })
  t.equal((await retry()).statusCode, 409)
  t.equal(codeOf(await retry({})), 'EFFECT_UNDECIDED')
  for (const payload of [{ effect: 'perhaps' }, { effects: 'happened' }, ['happened']]) {
    t.equal(codeOf(await retry(payload)), 'QUERY_INVALID')
  }
  t.equal((await retry({ effect: 'did not happen' })).statusCode, 200)
  const { frames } = (await get(app, `/api/executions/${id}`)).json()
  t.match(frames.at(-1), { kind: 'work.retried', data: { from: 1, effect: 'did not happen' } })
})
