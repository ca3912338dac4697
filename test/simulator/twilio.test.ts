import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import twilio from 'twilio'
import { startTwilio, type TwilioOptions } from '../../src/simulator/twilio.ts'
import type { CallbackPlan } from '../../src/simulator/twilio-callbacks.ts'

const accountSid = `AC${'a'.repeat(32)}`
const authToken = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'
const apiKey = { sid: `SK${'b'.repeat(32)}`, secret: 'a-secret-of-a-test' }
const account = { accountSid, authToken, apiKey }
const [from, to] = ['whatsapp:+14155238886', 'whatsapp:+14155550100']
const basic = (user: string, password: string) => ({ authorization: `Basic ${btoa(`${user}:${password}`)}` })
const owner = { headers: basic(accountSid, authToken) }
const inbound = `SM${'c'.repeat(32)}`
const bytes = Buffer.from('OggS and what follows')

t.test('the official SDK creates, lists page by page, reads and deletes messages', async t => {
  let now = Date.parse('2026-11-23T09:00:00Z')
  const { simulator, client } = await start(t, { statusCallbacks: 'off', now: () => now })
  for (const body of ['one', 'two', 'three', 'four', 'five']) {
    const message = await client.messages.create({ from, to, body })
    t.match(message, { sid: /^SM[0-9a-f]{32}$/, status: 'queued', dateSent: null, direction: 'outbound-api', body })
    t.equal(message.dateCreated.getTime(), now)
    now += 60_000
  }
  await client.messages.create({ from, to: '+14155550111', body: 'to somebody else' })

  const listed = await client.messages.list({ to, from, pageSize: 2 })
  t.strictSame(
    listed.map(message => message.body),
    ['five', 'four', 'three', 'two', 'one'],
    'newest first'
  )
  t.equal(simulator.requests.filter(({ method }) => method === 'GET').length, 3, 'in three pages')
  const between = { dateSentAfter: new Date('2026-11-23T09:02:00Z'), dateSentBefore: new Date('2026-11-23T09:03:00Z') }
  const some = await client.messages.list({ to, ...between })
  t.strictSame(
    some.map(message => message.body),
    ['four', 'three'],
    'both ends are included'
  )
  t.equal((await client.messages.list({ dateSent: new Date('2026-11-22T00:00:00Z') })).length, 0)
  t.equal((await client.messages.list({ dateSent: new Date('2026-11-23T00:00:00Z') })).length, 6)

  const sid = listed[0]?.sid ?? ''
  t.equal((await client.messages(sid).fetch()).status, 'sent')
  t.equal(await client.messages(sid).remove(), true)
  t.match(await client.messages(sid).fetch().catch(thrown), { status: 404, code: 20404 })
  t.equal((await client.messages.list({ to })).length, 4)
  t.equal(simulator.messages.length, 6, 'the ledger keeps what was deleted')
})

t.test('only the token and the API key of the account open the API', async t => {
  const { simulator, sdk } = await start(t, { statusCallbacks: 'off' })
  const message = { from, to, body: 'hello' }
  t.match(await sdk(accountSid, 'wrong').messages.create(message).catch(thrown), { status: 401, code: 20003 })
  const other = twilio(apiKey.sid, apiKey.secret, {
    accountSid: `AC${'d'.repeat(32)}`,
    httpClient: redirecting(simulator.url)
  })
  t.match(await other.messages.create(message).catch(thrown), { status: 401 })
  t.equal(simulator.attempts.length, 0)
  t.match(await sdk(apiKey.sid, apiKey.secret).messages.create(message), { status: 'queued' })
  t.equal(simulator.messages.length, 1)
})

t.test('the official SDK makes a template with buttons and sends it filled in', async t => {
  const { simulator, client } = await start(t, { statusCallbacks: 'off' })
  const template = (titles: readonly string[], body = 'Shall I? {{1}}') => ({
    ...{ friendly_name: 'question', language: 'en', variables: { 1: 'this', 2: 'none' } },
    types: {
      'twilio/quick-reply': {
        body,
        actions: titles.map(title => ({ type: 'QUICK_REPLY', title, id: `${title}.{{2}}` }))
      }
    }
  })
  const create = (content: object) => client.content.v1.contents.create(content as never)
  const { sid } = await create(template(['Yes', 'No']))
  t.match(sid, /^HX[0-9a-f]{32}$/)
  const filled = { contentSid: sid, contentVariables: JSON.stringify({ 1: 'Really?', 2: 'abc' }) }
  t.match(await client.messages.create({ from, to, ...filled }), { body: 'Shall I? Really?' })
  await client.messages.create({ from, to, contentSid: sid })
  const [one, other] = simulator.messages
  t.strictSame(one?.buttons, [
    { title: 'Yes', id: 'Yes.abc' },
    { title: 'No', id: 'No.abc' }
  ])
  t.match(other, { body: 'Shall I? this', buttons: [{ id: 'Yes.none' }, { id: 'No.none' }] })
  t.strictSame(
    (await client.messages.list({ to })).map(({ body }) => body),
    ['Shall I? this', 'Shall I? Really?']
  )

  const refused = async (content: object) => ((await create(content).catch(thrown)) as { status?: number }).status
  t.equal(await refused(template(['1', '2', '3', '4'])), 400, 'three buttons at most in a conversation')
  t.equal(await refused(template(['x'.repeat(21)])), 400)
  t.equal(await refused(template(['Yes'], 'x'.repeat(1_025))), 400)
  const send = (content: object) => client.messages.create({ from, to, ...content }).catch(thrown)
  t.match(await send({ contentSid: `HX${'0'.repeat(32)}` }), { status: 400, code: 21655 })
  t.match(await send({ ...filled, contentVariables: '{' }), { status: 400, code: 21656 })
  t.match(await send({ ...filled, contentVariables: JSON.stringify({ 1: 'x'.repeat(1_024) }) }), { code: 21658 })
  const { client: without } = await start(t, { content: 'off' })
  t.match(await without.content.v1.contents.create(template(['Yes']) as never).catch(thrown), { status: 404 })
})

t.test('a message that Twilio would refuse is refused with its code', async t => {
  const { simulator, client } = await start(t)
  t.match(await client.messages.create({ from, to, body: 'x'.repeat(1601) }).catch(thrown), {
    status: 400,
    code: 21617
  })
  t.match(await client.messages.create({ from, to }).catch(thrown), { code: 21602 })
  t.match(await client.messages.create({ to, body: 'x' }).catch(thrown), { code: 21603 })
  t.equal(simulator.messages.length, 0)
  t.strictSame(
    simulator.attempts.map(({ answered, code, sid }) => [answered, code, sid]),
    [
      [400, 21617, null],
      [400, 21602, null],
      [400, 21603, null]
    ]
  )
  await client.messages.create({ from, to, body: 'x'.repeat(1600) })
  t.equal(simulator.messages.length, 1)
})

t.test('faults are met once each, in order, and can come after the message was taken', async t => {
  const { simulator, client } = await start(t, { statusCallbacks: 'off' })
  const create = (body: string) => client.messages.create({ from, to, body }).catch(thrown)
  simulator.failNext({ status: 429, code: 20429, retryAfter: 2, times: 2 })
  simulator.failNext({ status: 500, afterTaking: true })
  simulator.failNext({ cut: true, afterTaking: true })
  simulator.failNext({ on: 'list', status: 503 })
  t.match(await create('a'), { status: 429, code: 20429 })
  t.match(await create('a'), { status: 429 })
  t.match(await create('b'), { status: 500 })
  t.match(await create('c'), { code: 'ECONNRESET' })
  t.match(await create('d'), { status: 'queued' })
  t.match(await client.messages.list().catch(thrown), { status: 503 })
  t.strictSame(
    (await client.messages.list()).map(message => message.body),
    ['d', 'c', 'b']
  )
  t.strictSame(
    simulator.attempts.map(({ body, answered, sid }) => [body, answered, sid !== null]),
    [
      ['a', 429, false],
      ['a', 429, false],
      ['b', 500, true],
      ['c', 0, true],
      ['d', 201, true]
    ]
  )
})

t.test('a hanging answer ends with the stand-in, and a listener holds the answer back', async t => {
  const { simulator, client } = await start(t, { statusCallbacks: 'off' })
  const held = Promise.withResolvers<void>()
  const seen: string[] = []
  simulator.onMessage(({ body }) => {
    seen.push(body)
    return body === 'held' ? held.promise : undefined
  })
  let answered = false
  const sending = client.messages.create({ from, to, body: 'held' }).then(() => {
    answered = true
  })
  await client.messages.create({ from, to, body: 'other' })
  t.strictSame([seen, answered], [['held', 'other'], false])
  held.resolve()
  await sending
  simulator.failNext({ hang: true })
  const hanging = client.messages.create({ from, to, body: 'never' }).catch(thrown)
  while (simulator.attempts.length < 3) await new Promise(setImmediate)
  await simulator.close()
  t.match(await hanging, { code: 'ECONNRESET' })
})

t.test('media needs credentials at the API, and none at the address that it redirects to', async t => {
  const { simulator } = await start(t)
  const url = simulator.addMedia(inbound, bytes, 'audio/ogg')
  t.equal((await fetch(url)).status, 401)
  const first = await fetch(url, { ...owner, redirect: 'manual' })
  const location = first.headers.get('location') ?? ''
  t.equal(first.status, 307)
  t.ok(location.startsWith(`${simulator.url}/media/`))
  t.equal((await fetch(location, owner)).status, 400, 'two ways to be authorised are refused')
  const second = await fetch(location)
  t.equal(second.headers.get('content-type'), 'audio/ogg')
  t.strictSame(Buffer.from(await second.arrayBuffer()), bytes)
  t.strictSame(
    simulator.mediaRequests.map(({ authorized, answered }) => [authorized, answered]),
    [
      [false, 401],
      [true, 307],
      [true, 400],
      [false, 200]
    ]
  )
  t.equal((await fetch(url.replace('SMc', 'SMd'), owner)).status, 404, 'of another message')
})

t.test('media misbehaves as asked', async t => {
  const { simulator } = await start(t)
  const add = (mode: Parameters<typeof simulator.addMedia>[3]) => simulator.addMedia(inbound, bytes, 'audio/ogg', mode)
  const get = (url: string, init: RequestInit = {}) => fetch(url, { ...owner, ...init })

  t.equal(await (await get(add({ kind: 'direct' }))).text(), String(bytes))
  const late = add({ kind: 'error', status: 404, times: 2 })
  t.strictSame([(await get(late)).status, (await get(late)).status], [404, 404])
  t.equal(await follow(late), String(bytes), 'found at the third try')
  const broken = add({ kind: 'error', status: 500 })
  t.strictSame([(await get(broken)).status, (await get(broken)).status], [500, 500])
  const foreign = await get(add({ kind: 'foreign', location: 'https://example.com/x' }), { redirect: 'manual' })
  t.equal(foreign.headers.get('location'), 'https://example.com/x')
  const mistyped = await get(add({ kind: 'mistyped', contentType: 'text/html' }), { redirect: 'manual' })
  t.equal((await fetch(mistyped.headers.get('location') ?? '')).headers.get('content-type'), 'text/html')
  t.match(await follow(add({ kind: 'loop' })).catch(thrown), { cause: /redirect count exceeded/ })
  t.match(await follow(add({ kind: 'truncated' })).catch(thrown), { message: /terminated/ })
  const oversized = await get(add({ kind: 'oversized' }), { redirect: 'manual' })
  const stream = await fetch(oversized.headers.get('location') ?? '')
  t.equal(stream.headers.get('content-length'), null)
  t.equal((await stream.arrayBuffer()).byteLength, 17_000_000)
  t.equal(await follow(add({ kind: 'drip', everyMs: 1 })), String(bytes))
  const signal = AbortSignal.timeout(50)
  t.match(await get(add({ kind: 'hang' }), { signal }).catch(thrown), { name: 'TimeoutError' })

  async function follow(url: string): Promise<string> {
    const first = await get(url, { redirect: 'manual' })
    return (await fetch(first.headers.get('location') ?? '')).text()
  }
})

t.test('media is deleted by itself or with its message', async t => {
  const { simulator, client } = await start(t)
  const [one, two] = [simulator.addMedia(inbound, bytes, 'audio/ogg'), simulator.addMedia(inbound, bytes, 'audio/ogg')]
  t.equal(await client.messages(inbound).media(one.slice(-34)).remove(), true)
  t.match(await client.messages(inbound).media(one.slice(-34)).remove().catch(thrown), { status: 404 })
  t.equal((await fetch(two, { ...owner, redirect: 'manual' })).status, 307)
  t.equal(await client.messages(inbound).remove(), true)
  t.equal((await fetch(two, owner)).status, 404)
  t.match(await client.messages(inbound).remove().catch(thrown), { status: 404 })
})

t.test('status callbacks are signed for the public URL and posted to the server behind it', async t => {
  const { simulator, client } = await start(t)
  const server = await receiver(t)
  simulator.deliverTo(server.url)
  const statusCallback = 'https://voice.example.com/webhooks/twilio/status?s=abc'
  const { sid } = await client.messages.create({ from, to, body: 'hello', statusCallback })
  await simulator.callbacksPosted()
  t.strictSame(server.statuses(), ['sent', 'delivered', 'read'])
  for (const { url, host, signature, params } of server.received) {
    t.strictSame([url, host], ['/webhooks/twilio/status?s=abc', 'voice.example.com'])
    t.ok(twilio.validateRequest(authToken, signature, statusCallback, params))
    t.match(params, { MessageSid: sid, AccountSid: accountSid, From: from, To: to, ChannelPrefix: 'whatsapp' })
  }
  t.equal((await client.messages(sid).fetch()).status, 'read')
  t.strictSame(simulator.callbacks.at(-1), { sid, status: 'read', answered: 204 })
})

t.test('status callbacks come out of order, twice, failing, by hand or not at all', async t => {
  const { simulator, client } = await start(t)
  const server = await receiver(t)
  const statusesAfter = async (plan: CallbackPlan | 'off', recipient = to) => {
    simulator.planCallbacks(plan)
    server.received.length = 0
    const { sid } = await client.messages.create({ from, to: recipient, body: 'x', statusCallback: server.url })
    await simulator.callbacksPosted()
    return { sid, statuses: server.statuses() }
  }
  t.strictSame((await statusesAfter({ order: 'shuffled' })).statuses, ['read', 'delivered', 'sent'])
  t.equal(simulator.messages.at(-1)?.status, 'read', 'an old status that comes late changes nothing')
  t.strictSame((await statusesAfter({ order: 'duplicated' }, '+14155550100')).statuses, [
    'sent',
    'sent',
    'delivered',
    'delivered'
  ])
  t.strictSame((await statusesAfter({ statuses: ['sent', 'failed'], errorCode: 63016 })).statuses, ['sent', 'failed'])
  t.match(server.received.at(-1)?.params, { ErrorCode: '63016' })
  const { sid, statuses } = await statusesAfter('off')
  t.strictSame(statuses, [])
  t.equal(await simulator.sendStatus(sid, 'undelivered', 30003), 204)
  t.match(server.received.at(-1)?.params, { MessageSid: sid, MessageStatus: 'undelivered', ErrorCode: '30003' })
  t.match(await client.messages(sid).fetch(), { status: 'undelivered', errorCode: 30003 })
  t.type(await simulator.sendStatus('SM0', 'sent').catch(thrown), Error)
})

t.test('a callback that meets nobody is recorded as unanswered', async t => {
  const { simulator, client } = await start(t, { statusCallbacks: { statuses: ['sent'] } })
  const server = await receiver(t)
  await server.close()
  await client.messages.create({ from, to, body: 'x', statusCallback: server.url })
  await simulator.callbacksPosted()
  t.match(simulator.callbacks, [{ status: 'sent', answered: 0 }])
})

t.test('a message that still waits is found by its address and not by its date', async t => {
  const { simulator, client } = await start(t)
  simulator.onMessage(async ({ status }) => {
    t.equal(status, 'queued')
    t.equal((await client.messages.list({ to })).length, 1)
    t.equal((await client.messages.list({ to, dateSentAfter: new Date(0) })).length, 0)
  })
  await client.messages.create({ from, to, body: 'x' })
  t.equal((await client.messages.list({ to, dateSentAfter: new Date(0) })).length, 1)
})

t.test('a message whose webhook is lost is listed where it belongs, with its attachments', async t => {
  const now = Date.parse('2026-11-23T09:00:00Z')
  const { simulator, client } = await start(t, { statusCallbacks: 'off', now: () => now })
  await client.messages.create({ from, to, body: 'an answer' })
  const media = [{ bytes, contentType: 'audio/ogg' }]
  const old = simulator.receive({ from: to, to: from, media, at: now - 60_000 })
  const late = simulator.receive({ from: to, to: from, body: 'hello' })
  const listed = await client.messages.list({ pageSize: 1 })
  t.match(listed, [
    { sid: late.sid, direction: 'inbound', body: 'hello', numMedia: '0', status: 'received', dateSent: new Date(now) },
    { direction: 'outbound-api' },
    { sid: old.sid, direction: 'inbound', numMedia: '1', dateCreated: new Date(now - 60_000) }
  ])
  t.equal((await client.messages.list({ to: from, dateSentAfter: new Date(now) })).length, 1)
  const [attachment, ...more] = await client.messages(old.sid).media.list()
  t.match(attachment, { contentType: 'audio/ogg', parentSid: old.sid })
  t.strictSame([`${old.mediaUrls}`.endsWith(attachment?.sid ?? ''), more], [true, []])
  t.strictSame(await client.messages(late.sid).media.list(), [])
  t.match(await client.messages(inbound).media.list().catch(thrown), { status: 404 })
  t.equal(simulator.messages.length, 1, 'the ledger holds what was sent')
  t.type(await simulator.sendStatus(old.sid, 'sent').catch(thrown), Error)
})

t.test('the list lags behind when told to', async t => {
  let now = Date.now()
  const { client } = await start(t, { statusCallbacks: 'off', listDelayMs: 3_000, now: () => now })
  await client.messages.create({ from, to, body: 'x' })
  t.equal((await client.messages.list()).length, 0)
  now += 3_000
  t.equal((await client.messages.list()).length, 1)
})

t.test('a script in another process reads and steers it over HTTP, and is told what it is', async t => {
  const { simulator, client } = await start(t)
  const post = (path: string, body: string | Buffer, type = 'application/json') =>
    fetch(`${simulator.url}/simulator/${path}`, { method: 'POST', body, headers: { 'content-type': type } })
  t.match(await (await fetch(`${simulator.url}/simulator/banner`)).text(), /stand-ins.*no account, no key/)
  await post('fail', JSON.stringify({ status: 400, code: 21610 }))
  await post('callbacks', '"off"')
  t.match(await client.messages.create({ from, to, body: 'x' }).catch(thrown), { code: 21610 })
  const { url } = (await (await post(`media?message=${inbound}`, bytes, 'audio/ogg')).json()) as { url: string }
  const location = (await fetch(url, { ...owner, redirect: 'manual' })).headers.get('location') ?? ''
  t.equal(await (await fetch(location)).text(), String(bytes))
  await client.messages.create({ from, to, body: 'y' })
  t.match(await (await fetch(`${simulator.url}/simulator/ledger`)).json(), {
    messages: [{ body: 'y' }],
    attempts: [{ answered: 400 }, { answered: 201 }]
  })
  t.equal((await fetch(`${simulator.url}/simulator/unknown`)).status, 404)
})

async function start(t: Test, options: Partial<TwilioOptions> = {}) {
  const simulator = await startTwilio({ ...account, ...options })
  t.teardown(() => simulator.close())
  const httpClient = redirecting(simulator.url)
  const sdk = (user: string, password: string) => twilio(user, password, { accountSid, httpClient })
  return { simulator, sdk, client: sdk(accountSid, authToken) }
}

/** The SDK knows no other origin than Twilio's own. */
function redirecting(origin: string): twilio.RequestClient {
  const client = new twilio.RequestClient()
  const request = client.request.bind(client)
  client.request = options =>
    request({ ...options, uri: options.uri.replace(/https:\/\/(api|content)\.twilio\.com/, origin) })
  return client
}

async function receiver(t: Test) {
  const received: { url: string; host: string; signature: string; params: Record<string, string> }[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const { host = '', 'x-twilio-signature': signature } = request.headers
    const params = Object.fromEntries(new URLSearchParams(body))
    received.push({ url: request.url ?? '', host, signature: String(signature), params })
    response.writeHead(204).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.teardown(close)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { received, url, close, statuses: () => received.map(({ params }) => params.MessageStatus) }
}

function thrown(error: unknown): unknown {
  return error
}
