import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { Failure } from '../../src/frames/failure.ts'
import { sign } from '../channels/sign.ts'
import {
  message,
  messagesPath,
  openWebhooks,
  publicUrl,
  requestBytes,
  sid,
  signedParts,
  statusPath,
  token
} from './webhook-server.ts'

const statusForm = { MessageSid: message.MessageSid ?? '', AccountSid: sid, MessageStatus: 'delivered' }

t.test('a signed message is kept, then answered with empty TwiML, and its repetition alike', async t => {
  const server = await openWebhooks(t)
  for (const _ of ['first', 'again']) {
    const { status, headers, body } = await server.send(requestBytes(signedParts()))
    t.equal(status, 200)
    t.equal(headers.get('content-type'), 'text/xml; charset=utf-8')
    t.equal(headers.get('content-length'), String(body.length))
    t.equal(body, '<?xml version="1.0" encoding="UTF-8"?><Response/>')
  }
  t.match(server.kept, [{ kind: 'text.received', data: { text: 'tea at four' } }])
  t.equal(server.kept.length, 1)
})

t.test('a signed status is noted under the id in its URL, and answered 204 though nobody waits for it', async t => {
  const server = await openWebhooks(t)
  const answers = [
    await server.send(requestBytes(signedParts(statusForm, `${statusPath}?s=send-1`))),
    await server.send(requestBytes(signedParts(statusForm, statusPath)))
  ]
  t.match(answers, [
    { status: 204, body: '' },
    { status: 204, body: '' }
  ])
  t.match(server.noted, [{ send: 'send-1', status: { status: 'delivered' } }, { send: null }])
})

t.test('what is refused gets its status and an empty body, keeps nothing, and is observed by its reason', async t => {
  const server = await openWebhooks(t)
  const good = signedParts()
  const form = (changes: Record<string, string>) => signedParts({ ...message, ...changes })
  const headers = (changes: Record<string, string | string[] | null>) => ({
    ...good,
    headers: { ...good.headers, ...changes }
  })
  const signature = good.headers['X-Twilio-Signature'] as string
  const cases: [number, string, Parameters<typeof requestBytes>[0]][] = [
    [405, 'METHOD_NOT_ALLOWED', { ...good, method: 'PUT' }],
    [405, 'METHOD_NOT_ALLOWED', { method: 'GET', headers: { 'Content-Type': null } }],
    [405, 'METHOD_NOT_ALLOWED', { ...headers({ 'Content-Type': 'application/json' }), method: 'PATCH' }],
    [405, 'METHOD_NOT_ALLOWED', { method: 'PROPFIND', target: `${statusPath}?s=1` }],
    [404, 'NOT_FOUND', { method: 'GET', target: '/webhooks/twilio/voicemail' }],
    [404, 'NOT_FOUND', { ...good, target: `${messagesPath}/` }],
    [415, 'TYPE_NOT_SUPPORTED', headers({ 'Content-Type': null })],
    [415, 'TYPE_NOT_SUPPORTED', headers({ 'Content-Type': 'application/json' })],
    [415, 'TYPE_NOT_SUPPORTED', headers({ 'Content-Type': 'text/plain' })],
    [415, 'TYPE_NOT_SUPPORTED', headers({ 'Content-Type': 'multipart/form-data; boundary=x' })],
    [415, 'TYPE_NOT_SUPPORTED', headers({ 'Content-Type': 'application/x-www-form-urlencoded; charset=iso-8859-1' })],
    [415, 'TYPE_NOT_SUPPORTED', headers({ 'Content-Type': 'application/x-www-form-urlencoded; x' })],
    [413, 'BODY_TOO_LARGE', { ...good, body: 'a'.repeat(65_537) }],
    [403, 'SIGNATURE_INVALID', { ...good, body: `AccountSid=${sid}&a=${'a'.repeat(65_536 - 48)}` }],
    [400, 'FORM_UNDECODABLE', { ...good, body: `AccountSid=${sid}&Body=%FF` }],
    [400, 'FORM_UNDECODABLE', { ...good, body: `AccountSid=${sid}&Body=100%` }],
    [400, 'FORM_TOO_MANY_PAIRS', { ...good, body: 'a=1&'.repeat(201) }],
    [403, 'SIGNATURE_MISSING', headers({ 'X-Twilio-Signature': null })],
    [403, 'SIGNATURE_MALFORMED', headers({ 'X-Twilio-Signature': [signature, signature] })],
    [403, 'SIGNATURE_MALFORMED', headers({ 'X-Twilio-Signature': '' })],
    [403, 'SIGNATURE_INVALID', { ...good, body: good.body.toString().replace('four', 'five') }],
    [403, 'SIGNATURE_INVALID', { ...good, target: statusPath }],
    [403, 'SIGNATURE_INVALID', { ...good, target: `${messagesPath}?a=1` }],
    [403, 'SIGNATURE_KEY_UNKNOWN', headers({ 'X-Twilio-Webhooks-Signature-Settings': 'key=k,algorithm=HMAC_SHA1' })],
    [403, 'TARGET_NOT_CANONICAL', { ...good, target: publicUrl + messagesPath }],
    [403, 'TARGET_NOT_CANONICAL', { ...good, target: messagesPath.replace('m', '%6d') }],
    [403, 'TARGET_NOT_CANONICAL', signedParts(message, `${messagesPath}#rc=2`)],
    [403, 'ACCOUNT_UNKNOWN', form({ AccountSid: `AC${'00'.repeat(16)}` })],
    [403, 'ACCOUNT_UNKNOWN', { ...good, body: '' }],
    [403, 'FORM_REPEATED_KEY', { ...good, body: `${good.body}&NumMedia=0` }],
    [403, 'FORM_KEY_REFUSED', form({ __proto__: 'x', 'a b': 'c' })],
    [403, 'FORM_INCOMPLETE', form({ MessageSid: 'SM1' })],
    [403, 'SENDER_UNKNOWN', form({ To: 'whatsapp:+14155550199' })]
  ]
  for (const [status, reason, parts] of cases) {
    const answer = await server.send(requestBytes(parts))
    t.match(answer, { status, body: '' }, `${status} ${reason}`)
    t.equal(answer.headers.get('allow'), status === 405 ? 'POST' : null)
    t.match(server.events.at(-1), ['webhook.refused', { reason }])
  }
  t.strictSame([server.kept, server.noted], [[], []])
  t.equal(server.events.length, cases.length)
})

t.test(
  'white space around a signature is refused, wherever the bytes are cut, and not held against the next request',
  async t => {
    const server = await openWebhooks(t)
    const { port } = server.app.server.address() as AddressInfo
    const { headers, body } = signedParts()
    const signature = String(headers['X-Twilio-Signature'])
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    const ask = async (value: string, cut: number) => {
      const bytes = requestBytes({
        headers: { ...headers, Connection: 'keep-alive', 'X-Twilio-Signature': value },
        body
      })
      const at = bytes.indexOf('X-Twilio-Signature') + cut
      socket.write(bytes.subarray(0, at))
      await setTimeout(20)
      socket.write(bytes.subarray(at))
      const [answer] = await once(socket, 'data')
      return Number(String(answer).split(' ')[1])
    }
    for (const value of [`${signature} `, `${signature}\t`, ` ${signature}`]) {
      for (const cut of [0, 5, 30, value.length + 20, value.length + 21]) {
        t.equal(await ask(value, cut), 403, JSON.stringify(value))
        t.equal(server.kept.length, 0)
        t.equal(await ask(signature, cut), 200)
        server.kept.length = 0
      }
    }
  }
)

t.test('what is no HTTP request, or too long for one, is refused without a word', async t => {
  const server = await openWebhooks(t)
  const good = signedParts()
  const statusOf = async (bytes: string | Buffer) => {
    const { status, body } = await server.send(bytes)
    return body === '' ? status : body
  }
  t.equal(await statusOf('tea at four\r\n\r\n'), 400)
  t.equal(await statusOf(requestBytes({ ...good, target: '/webhooks/twilio/mess\tages' })), 400)
  t.equal(await statusOf(requestBytes({ ...good, target: '/webhooks/twilio/%ff' })), 400)
  t.equal(await statusOf(requestBytes({ ...good, headers: { ...good.headers, 'X-Long': 'a'.repeat(20_000) } })), 431)
  t.equal(await statusOf(requestBytes({ ...good, headers: { ...good.headers, 'Content-Length': ['10', '11'] } })), 400)
  t.equal(await statusOf(requestBytes({ ...good, headers: { ...good.headers, 'Transfer-Encoding': 'chunked' } })), 400)
  t.strictSame(server.kept, [])
})

t.test('the Host and what proxies say do not matter, nor how the body is cut', async t => {
  const server = await openWebhooks(t)
  const good = signedParts()
  const foreign = {
    Host: 'evil.example',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'http',
    Forwarded: 'host=evil.example'
  }
  const chunked = Buffer.concat(
    [good.body.toString().slice(0, 7), good.body.toString().slice(7), ''].map(part =>
      Buffer.from(`${part.length.toString(16)}\r\n${part}\r\n`)
    )
  )
  const whole = requestBytes({
    ...good,
    headers: { ...good.headers, 'Content-Length': null, 'Transfer-Encoding': 'chunked' },
    body: chunked
  })
  const answers = [
    await server.send(requestBytes({ ...good, headers: { ...good.headers, ...foreign } })),
    await server.send(whole),
    await server.send(requestBytes({ ...good, headers: { ...good.headers, Expect: '100-continue' } }))
  ]
  t.match(answers, [{ status: 200 }, { status: 200 }, { status: 200 }])
})

t.test('a form of 64 KiB or 200 pairs is taken', async t => {
  const server = await openWebhooks(t)
  const many = { ...message, ...Object.fromEntries(Array.from({ length: 194 }, (_, i) => [`Extra${i}`, ''])) }
  const size = signedParts({ ...message, Extra: '' }).body.length
  const large = { ...message, Extra: 'a'.repeat(65_536 - size) }
  t.equal(Buffer.byteLength(signedParts(large).body), 65_536)
  for (const form of [many, large]) t.equal((await server.send(requestBytes(signedParts(form)))).status, 200)
})

t.test('an address with too many refusals gets 429, a signed request from it never does', async t => {
  const server = await openWebhooks(t)
  const forged = {
    method: 'POST' as const,
    url: messagesPath,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'a=b'
  }
  for (let i = 0; i < 600; i++) if ((await server.app.inject(forged)).statusCode !== 403) return t.fail(`refusal ${i}`)
  const valve = await server.app.inject(forged)
  t.match(valve, { statusCode: 429, body: '', headers: { 'retry-after': '60' } })
  t.equal((await server.app.inject({ ...forged, remoteAddress: '203.0.113.9' })).statusCode, 403)
  t.equal((await server.send(requestBytes(signedParts()))).status, 200)
  t.equal((await server.send(requestBytes(signedParts({ ...message, To: '+1999' })))).status, 403)
  server.time.now = 60_000
  t.equal((await server.app.inject(forged)).statusCode, 403)
})

t.test('the valve can be off', async t => {
  const server = await openWebhooks(t, { config: { rateLimitPerIp: 0 } })
  const statuses = await Promise.all(
    Array.from({ length: 700 }, () => server.app.inject({ method: 'POST', url: messagesPath }))
  )
  t.strictSame(new Set(statuses.map(each => each.statusCode)), new Set([415]))
})

t.test('a sender over the limit is said to be so, and still answered 200', async t => {
  const asked: [string, number][] = []
  const take = async (key: string, windowMs: number) => ({ count: asked.push([key, windowMs]), resetMs: 1 })
  const server = await openWebhooks(t, { store: { take }, config: { budgetsOf: () => ({ messagesPerMinute: 2 }) } })
  for (let i = 0; i < 3; i++) t.equal((await server.send(requestBytes(signedParts()))).status, 200)
  t.strictSame(server.limited, [false, false, true])
  t.strictSame(asked[0], ['sender:pseudonym', 60_000])
  const open = await openWebhooks(t, {
    store: { take: () => Promise.reject(new Error('not asked')) },
    config: { budgetsOf: () => ({ messagesPerMinute: 0 }) }
  })
  t.equal((await open.send(requestBytes(signedParts()))).status, 200)
  t.strictSame(open.limited, [false])
})

t.test('a message that cannot be kept is answered 503 with a time to come back', async t => {
  for (const code of ['STORE_UNAVAILABLE', 'STOPPING'] as const) {
    const server = await openWebhooks(t, { store: { take: () => Promise.reject(new Failure(code)) } })
    const answer = await server.send(requestBytes(signedParts()))
    t.match(answer, { status: 503, body: '' })
    t.equal(answer.headers.get('retry-after'), '5')
    t.match(server.events, [['webhook.refused', { reason: code, route: messagesPath }]])
    t.strictSame(server.kept, [])
  }
})

t.test('a fault of ours is answered 500 and told by its class, never by its words', async t => {
  const broken = () => {
    throw new TypeError('tea at four')
  }
  const server = await openWebhooks(t, { channelOf: broken })
  t.match(await server.send(requestBytes(signedParts())), { status: 500, body: '' })
  t.strictSame(server.events, [['request.failed', { route: messagesPath, cause: 'TypeError' }]])
})

t.test('a check that breaks has not passed', async t => {
  const accounts = new Map([
    [sid, Object.freeze({ ...(await openWebhooks(t)).app.system.accounts.get(sid)!, authTokens: null as never })]
  ])
  const server = await openWebhooks(t, { accounts })
  t.match(await server.send(requestBytes(signedParts())), { status: 403, body: '' })
  t.match(server.events, [
    ['request.failed', { cause: 'TypeError' }],
    ['webhook.refused', { reason: 'SIGNATURE_INVALID' }]
  ])
  t.strictSame(server.kept, [])
})

t.test('each account answers for itself alone', async t => {
  const other = { sid: `AC${'d4'.repeat(16)}`, authTokens: ['the-token-of-another-account'] }
  const { accounts } = (await openWebhooks(t)).app.system
  const server = await openWebhooks(t, {
    accounts: new Map([...accounts, [other.sid, { ...accounts.get(sid)!, ...other }]])
  })
  const form = { ...message, AccountSid: other.sid }
  const withToken = (secret: string) => ({
    ...signedParts(form),
    headers: { 'X-Twilio-Signature': sign(publicUrl + messagesPath, Object.entries(form), secret) }
  })
  t.equal((await server.send(requestBytes(withToken(token)))).status, 403)
  t.equal((await server.send(requestBytes(withToken('the-token-of-another-account')))).status, 200)
})
