import type { ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { createTwilioClient } from '../../src/channels/twilio-client.ts'
import { createTwilioMessaging } from '../../src/channels/twilio-messaging.ts'
import { createMessage } from '../../src/channels/twilio-send.ts'
import type { Failure } from '../../src/frames/failure.ts'
import { account, basic, message, person, sid, us } from './account.ts'
import { type Seen, serve } from './serve.ts'

const path = `/2010-04-01/Accounts/${sid}/Messages.json`
const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0 }
const patient = new AbortController().signal
const outgoing = { from: us, to: person, text: 'planted words', send: 'abc-1' }

async function open(t: Test, answer: (response: ServerResponse, seen: Seen) => void) {
  const { url, requests } = await serve(t, answer)
  const channel = createTwilioMessaging({
    account,
    apiUrl: url,
    publicUrl: 'https://voice.example.com',
    maxAudioSeconds: 600,
    clock,
    observe: () => {}
  })
  return { url, requests, channel }
}

const json =
  (status: number, body: unknown, headers = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

/** What a send ends with where Twilio answers so. */
async function refusal(t: Test, answer: (response: ServerResponse) => void): Promise<Failure> {
  const { channel } = await open(t, answer)
  return channel.send(outgoing, patient).then(
    () => t.fail('it was sent'),
    e => e
  )
}

t.test('a part is sent once, to the configured origin, with our key and our callback', async t => {
  t.intercept(process, 'env', {
    value: { ...process.env, TWILIO_EDGE: 'sydney', TWILIO_REGION: 'au1', TWILIO_ACCOUNT_SID: 'ACother' }
  })
  const { channel, requests } = await open(t, json(201, { sid: message, status: 'queued' }))
  t.equal(await channel.send({ ...outgoing, text: 'a\u0000b ✓ & c\ud800' }, patient), message)
  t.equal(requests.length, 1)
  t.match(requests[0], { method: 'POST', url: { pathname: path }, authorization: basic })
  t.strictSame(Object.fromEntries(new URLSearchParams(requests[0]?.body)), {
    From: us,
    To: person,
    Body: 'ab ✓ & c\ufffd',
    StatusCallback: 'https://voice.example.com/webhooks/twilio/status?s=abc-1'
  })
})

t.test('each error code of Twilio says what becomes of the answer', async t => {
  const table: [number, number, string][] = [
    [400, 21610, 'SEND_OPTED_OUT'],
    ...[21211, 21614, 21612, 21408, 63024, 30003, 30006].map((code): [number, number, string] => [
      400,
      code,
      'SEND_UNDELIVERABLE'
    ]),
    [400, 63016, 'SEND_WINDOW_CLOSED'],
    [429, 20429, 'SEND_UNAVAILABLE'],
    [429, 0, 'SEND_UNAVAILABLE'],
    [400, 63018, 'SEND_UNAVAILABLE'],
    [400, 30008, 'SEND_UNAVAILABLE'],
    [400, 21617, 'SEND_REFUSED'],
    [401, 20003, 'SEND_REFUSED'],
    [404, 20404, 'SEND_REFUSED']
  ]
  for (const [status, code, expected] of table) {
    const failure = await refusal(t, json(status, { code, message: `The number ${person} is no good`, status }))
    t.match(failure, { code: expected, refused: true, cause: { status, code } }, `${status} ${code}`)
  }
  const busy = await refusal(t, json(429, { code: 20429 }, { 'retry-after': '3' }))
  t.equal(busy.retryAfterMs, 3_000)
  t.match(await refusal(t, response => response.writeHead(403).end('<html>no</html>')), {
    code: 'SEND_REFUSED',
    refused: true
  })
})

t.test('an answer that proves nothing leaves the send to be looked for', async t => {
  const trap = await serve(t, json(201, { sid: message }))
  const answers: Record<string, (response: ServerResponse) => void> = {
    'an error of the server': json(500, { code: 20500 }),
    'an outage': response => response.writeHead(503, { 'retry-after': '2' }).end('<html>'),
    'a redirect': response => response.writeHead(307, { location: trap.url }).end(),
    'no JSON': response => response.writeHead(201).end('<html>ok</html>'),
    null: json(201, null),
    'no SID': json(201, {}),
    'a foreign SID': json(201, { sid: 'planted words' }),
    'a broken connection': response => response.destroy(),
    'a broken body': response => response.writeHead(201, { 'content-length': 99 }).write('{', () => response.destroy())
  }
  for (const [name, answer] of Object.entries(answers)) {
    t.match(await refusal(t, answer), { code: 'SEND_UNAVAILABLE', refused: false }, name)
  }
  t.strictSame(trap.requests, [])
})

t.test('a send that hangs ends with its time', async t => {
  const { url } = await serve(t, () => {})
  const openMessages = createTwilioClient({ account, apiUrl: url, clock })
  const error = await createMessage(openMessages(AbortSignal.timeout(50)), outgoing, 'https://x').catch(e => e)
  t.match(error, { code: 'SEND_UNAVAILABLE', refused: false, cause: { code: 'TimeoutError' } })
})

t.test('no error holds the key, the words or the number', async t => {
  const errors = [
    await refusal(t, json(400, { code: 21211, message: `${person}: planted words` })),
    await refusal(t, response => response.destroy()),
    await refusal(t, response => response.writeHead(201).end('planted words, no JSON'))
  ]
  for (const error of errors) {
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), /planted|Basic|4155550100|api\.|Accounts/)
  }
})

const listed = (n: number, change = {}) => ({
  sid: `SM${String(n).padStart(32, '0')}`,
  body: outgoing.text,
  from: us,
  to: person,
  direction: 'outbound-api',
  date_created: new Date(clock.now() + n * 1_000).toUTCString(),
  date_sent: null,
  ...change
})
const sidOf = (n: number) => listed(n).sid

t.test('what was sent is found among all messages to the person, on every page', async t => {
  const pages: Record<string, object> = {
    '': {
      messages: [
        listed(9),
        listed(8, { body: 'planted words.' }),
        listed(7, { direction: 'inbound' }),
        listed(6, { to: us }),
        listed(5, { date_sent: new Date(clock.now() + 6_000).toUTCString() })
      ],
      next_page_uri: `${path}?Page=1&PageToken=PA1`
    },
    1: { messages: [listed(3), listed(4, { date_created: null })], next_page_uri: `${path}?Page=2` },
    2: { messages: [listed(1), listed(-1), listed(-3_600)], next_page_uri: `${path}?Page=3` }
  }
  const { channel, requests } = await open(t, (response, { url }) =>
    json(200, pages[url.searchParams.get('Page') ?? ''])(response)
  )
  const sids = await channel.listSent(outgoing, clock.now() + 1_900, patient)
  t.strictSame(sids, [sidOf(4), sidOf(9), sidOf(5), sidOf(3), sidOf(1)], 'its times are whole seconds')
  t.strictSame(
    requests.map(({ url }) => url.searchParams.get('Page')),
    [null, '1', '2'],
    'it stops at messages that are older'
  )
  t.match(Object.fromEntries(requests[0]?.url.searchParams ?? []), { To: person, From: us, DateSent: undefined })
  t.ok(requests.every(({ authorization }) => authorization === basic))
})

t.test('a cleaned text is found under the words that were really sent', async t => {
  const { channel } = await open(t, json(200, { messages: [listed(1)] }))
  t.strictSame(await channel.listSent({ ...outgoing, text: 'planted\u0007 words' }, clock.now(), patient), [sidOf(1)])
})

t.test('the key does not follow a list to another host', async t => {
  const trap = await serve(t, json(200, { messages: [] }))
  const first = { messages: [listed(1)], meta: { key: 'messages', next_page_url: `${trap.url}${path}?Page=1` } }
  const { channel, requests } = await open(t, (response, { url }) =>
    json(200, url.searchParams.has('Page') ? { messages: [] } : first)(response)
  )
  t.strictSame(await channel.listSent(outgoing, 0, patient), [sidOf(1)])
  t.equal(requests.length, 2)
  t.strictSame(trap.requests, [])
})

t.test('a list that fails says nothing about the send', async t => {
  const answers = [
    json(401, { code: 20003 }),
    json(429, { code: 20429 }),
    json(500, {}),
    json(200, {}),
    json(200, null),
    json(200, { messages: [null] }),
    (response: ServerResponse) => response.writeHead(200).end('<html>')
  ]
  for (const answer of answers) {
    const { channel } = await open(t, answer)
    t.match(await channel.listSent(outgoing, 0, patient).catch(e => e), { code: 'SEND_UNAVAILABLE', refused: false })
  }
})

t.test('the window is a day less a margin on WhatsApp, and has no end by SMS', async t => {
  const { channel } = await open(t, () => {})
  t.equal(channel.windowMs(person), (24 * 60 - 5) * 60_000)
  t.equal(channel.windowMs('+14155550100'), Number.POSITIVE_INFINITY)
  t.equal(channel.sendTimeoutMs, 5_000)
})
