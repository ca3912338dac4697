import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { earlyReplies, errorReplies } from '../../plugins/error-replies.ts'
import { operatorLogin } from '../../plugins/operator-login.ts'
import { rateLimit } from '../../plugins/rate-limit.ts'
import { system } from '../../plugins/system.ts'
import { Failure } from '../../src/frames/failure.ts'

const secret = 'tea at four'

t.test('a failure below 500 is answered with its sentence', async t => {
  const { app, events } = await openApi(t)
  const reply = await app.inject({ method: 'POST', url: '/api/fail', payload: { code: 'NOT_RETRYABLE' } })
  t.equal(reply.statusCode, 409)
  t.strictSame(reply.json(), {
    error: { code: 'NOT_RETRYABLE', message: 'Only an execution that ended badly can be retried.' }
  })
  t.strictSame(events, [])
})

t.test('what fails above it is answered with one fixed sentence, and no word of it is shown', async t => {
  const { app, events } = await openApi(t)
  const message = 'Something went wrong here: try again later.'
  const down = await app.inject({ method: 'POST', url: '/api/fail', payload: { code: 'STORE_UNAVAILABLE' } })
  t.match(down, { statusCode: 503, headers: { 'retry-after': '5' } })
  t.strictSame(down.json(), { error: { code: 'STORE_UNAVAILABLE', message } })
  const broken = await app.inject('/api/break')
  t.equal(broken.statusCode, 500)
  t.strictSame(broken.json(), { error: { code: 'INTERNAL', message } })
  const thrown = await app.inject('/api/throw-text')
  t.strictSame(thrown.json(), { error: { code: 'INTERNAL', message } })
  t.strictSame(events, [
    ['request.failed', { route: '/api/fail', cause: 'RangeError' }],
    ['request.failed', { route: '/api/break', cause: 'TypeError' }],
    ['request.failed', { route: '/api/throw-text', cause: 'string' }]
  ])
})

t.test('what nobody serves, or nobody can read, is answered without repeating it', async t => {
  const { app, events } = await openApi(t)
  const cases = [
    [404, 'NOT_FOUND', { url: `/${encodeURIComponent(secret)}` }],
    [404, 'NOT_FOUND', { url: '/api/break', method: 'POST' as const }],
    [
      400,
      'QUERY_INVALID',
      { url: '/api/fail', method: 'POST' as const, payload: secret, headers: { 'content-type': 'application/json' } }
    ],
    [
      415,
      'QUERY_INVALID',
      { url: '/api/fail', method: 'POST' as const, payload: secret, headers: { 'content-type': 'text/x-unheard' } }
    ],
    [400, 'QUERY_INVALID', { url: '/api/strict?n=tea%20at%20four' }]
  ] as const
  for (const [status, code, request] of cases) {
    const reply = await app.inject(request)
    t.match(reply, { statusCode: status })
    t.equal(reply.json().error.code, code)
    t.notMatch(reply.body, /tea/)
  }
  const unreadable = await app.inject('/api/%ff')
  t.match(unreadable, { statusCode: 400, body: '' })
  t.strictSame(events, [])
})

t.test(
  'an address may guess the operator token a hundred times a minute, and a right one is never counted',
  async t => {
    const { app, time } = await openApi(t)
    const ask = (remoteAddress: string, token: string) =>
      app.inject({ url: '/api/guarded', remoteAddress, headers: { authorization: `Bearer ${token}` } })
    for (let i = 0; i < 100; i++)
      if ((await ask('203.0.113.1', 'wrong')).statusCode !== 401) return t.fail(`guess ${i}`)
    const reply = await ask('203.0.113.1', 'wrong')
    t.match(reply, { statusCode: 429, headers: { 'retry-after': '60' } })
    t.strictSame(reply.json().error, { code: 'RATE_LIMITED', message: 'Too many requests: wait a minute.' })
    t.equal((await ask('203.0.113.2', 'wrong')).statusCode, 401)
    t.equal((await ask('203.0.113.1', operatorToken)).statusCode, 200)
    time.now += 60_000
    t.equal((await ask('203.0.113.1', 'wrong')).statusCode, 401)
    for (let i = 0; i < 200; i++)
      if ((await ask('203.0.113.3', operatorToken)).statusCode !== 200) t.fail(`request ${i}`)
  }
)

t.test('whoever goes on sending what was refused still gets the whole answer, and has a second to stop', async t => {
  const { app } = await openApi(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const tooLong = `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(1_000_000)}`
  const answer = /^HTTP\/1\.1 431 [^\r]+\r\nConnection: close\r\nContent-Length: 0\r\n\r\n$/
  for (let i = 0; i < 20; i++) {
    const { socket, ended } = open(app)
    socket.end(tooLong)
    t.match(await ended, answer, 'no reset took it away')
  }

  const { socket, ended } = open(app)
  const more = setInterval(() => socket.write(tooLong), 50)
  const started = performance.now()
  await ended.catch(() => {})
  clearInterval(more)
  const ms = performance.now() - started
  t.ok(ms > 900 && ms < 5_000, `who does not stop is cut off after ${ms} ms`)
})

const operatorToken = 'the-operator-token-of-this-very-test'

function open(app: { server: { address(): AddressInfo | string | null } }): { socket: Socket; ended: Promise<string> } {
  const { port } = app.server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  return { socket, ended: once(socket, 'close').then(() => String(Buffer.concat(chunks))) }
}

async function openApi(t: Test) {
  const events: [string, object][] = []
  const time = { now: 0 }
  const notAsked = () => {
    throw new Error('no API asks for this')
  }
  const app = Fastify({ ...earlyReplies })
  await app.register(system, {
    system: {
      config: {
        publicUrl: 'https://voice.example.com',
        rateLimitPerIp: 600,
        budgetsOf: () => ({ messagesPerMinute: 20 })
      },
      accounts: new Map(),
      channelOf: notAsked,
      inbox: { accept: notAsked, noteStatus: notAsked },
      store: { take: notAsked },
      clock: { now: () => time.now, monotonic: () => time.now },
      observe: (event, fields) => events.push([event, fields])
    }
  })
  await app.register(rateLimit)
  await app.register(errorReplies)
  await app.register(async api => {
    await api.register(async guarded => {
      await guarded.register(operatorLogin, { token: operatorToken })
      guarded.get('/api/guarded', async () => ({}))
    })
    api.get('/api/fine', async () => ({}))
    api.post<{ Body: { code: 'NOT_RETRYABLE' } }>('/api/fail', async ({ body: { code } }) => {
      throw new Failure(code, code === 'NOT_RETRYABLE' ? {} : { cause: new RangeError(secret) })
    })
    api.get('/api/break', async () => {
      throw new TypeError(secret)
    })
    api.get('/api/throw-text', async () => {
      throw secret
    })
    api.get(
      '/api/strict',
      { schema: { querystring: { type: 'object', properties: { n: { type: 'integer' } } } } },
      async () => ({})
    )
  })
  t.teardown(() => app.close())
  return { app, events, time }
}
