import type { ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { createTwilioMessaging } from '../../src/channels/twilio-messaging.ts'
import { readMessage } from '../../src/channels/twilio-receive.ts'
import { account, basic, media, person, sid, us } from './account.ts'
import { type Seen, serve } from './serve.ts'

const sms = '+14155238886'
const path = `/2010-04-01/Accounts/${sid}/Messages`
const minute = 60_000
const now = Date.UTC(2026, 0, 2, 0, 30)
const clock = { now: () => now, monotonic: () => 0 }
const patient = new AbortController().signal
const wanted = { since: now - 60 * minute, until: now - 2 * minute, isKnown: async (_id: string) => false }

const sidOf = (n: number) => `SM${String(n).padStart(32, '0')}`
const row = (n: number, change = {}) => ({
  sid: sidOf(n),
  account_sid: sid,
  body: `words ${n}`,
  from: person,
  to: us,
  direction: 'inbound',
  num_media: '0',
  date_created: new Date(now - n * minute).toUTCString(),
  date_sent: new Date(now - n * minute).toUTCString(),
  ...change
})

type Answer = (response: ServerResponse, seen: Seen) => void

const json = (status: number, body: unknown) => (response: ServerResponse) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

/** Lists rows under our WhatsApp sender and nothing under the other. */
const rows =
  (...listed: object[]): Answer =>
  (response, { url }) =>
    json(200, { messages: url.searchParams.get('To') === us ? listed : [] })(response)

async function open(t: Test, answer: Answer) {
  const { url, requests } = await serve(t, answer)
  const channel = createTwilioMessaging({
    ...{ account, apiUrl: url, publicUrl: 'https://voice.example.com', maxAudioSeconds: 600, clock },
    observe: () => {}
  })
  const list = (change: Partial<typeof wanted> = {}) => channel.listReceived({ ...wanted, ...change }, patient)
  return { url, requests, list }
}

t.test('what people sent in the window is found on every page of every sender, oldest first', async t => {
  const pages: Record<string, object> = {
    [us]: {
      messages: [row(1), row(3), row(4, { direction: 'outbound-api' }), row(10)],
      next_page_uri: `${path}.json?Page=1`
    },
    [sms]: { messages: [row(5, { from: '+14155550100', to: sms })] },
    '': { messages: [row(59), row(61)], next_page_uri: `${path}.json?Page=2` }
  }
  const { list, requests } = await open(t, (response, { url }) =>
    json(200, pages[url.searchParams.get('To') ?? ''])(response)
  )
  const { received, ...rest } = await list()
  t.strictSame(
    received.map(({ data }) => data.message),
    [59, 10, 5, 3].map(sidOf)
  )
  t.strictSame(rest, { unreadable: 0, complete: true })
  t.ok(requests.every(({ authorization }) => authorization === basic))
  t.strictSame(
    requests.map(({ url }) => url.searchParams.get('To') ?? url.searchParams.get('Page')),
    [us, '1', sms],
    'it stops at messages that are older'
  )
  t.match(
    Object.fromEntries(requests[0]?.url.searchParams ?? []),
    { 'DateSent>': '2026-01-01T00:00:00Z', 'DateSent<': '2026-01-03T00:00:00Z' },
    'whole days are asked for'
  )
})

t.test('a listed message reads as its webhook does, but is believed less', async t => {
  const item = { sid: media, content_type: 'audio/ogg', account_sid: sid, parent_sid: sidOf(3) }
  const { list, url } = await open(t, (response, seen) => {
    if (seen.url.pathname === `${path}/${sidOf(3)}/Media.json`) return json(200, { media_list: [item] })(response)
    rows(row(3, { body: '', num_media: '1' }))(response, seen)
  })
  const { received } = await list()
  const form = {
    ...{ MessageSid: sidOf(3), AccountSid: sid, From: person, To: us, Body: '', NumMedia: '1' },
    MediaUrl0: `${url}${path}/${sidOf(3)}/Media/${media}`,
    MediaContentType0: 'audio/ogg'
  }
  const webhook = readMessage(new Map(Object.entries(form)), account, url)
  const provenance = { ...webhook.provenance, origin: 'twilio-messaging-list', integrity: 'user_forwarded' }
  t.strictSame(received, [{ ...webhook, provenance }])
})

t.test('an SMS is believed as its webhook is: neither says that it was forwarded', async t => {
  const { list } = await open(t, (response, { url }) =>
    json(200, { messages: url.searchParams.get('To') === sms ? [row(3, { from: '+14155550100', to: sms })] : [] })(
      response
    )
  )
  t.match(await list(), { received: [{ kind: 'text.received', provenance: { integrity: 'user_typed' } }] })
})

t.test('STOP is a command here too', async t => {
  const { list } = await open(t, rows(row(3, { body: ' stop ' })))
  t.match(await list(), { received: [{ kind: 'command.received', data: { command: 'stop', answered: false } }] })
})

t.test('only what is not known is read', async t => {
  const { list, requests } = await open(t, rows(row(3), row(4, { num_media: '1' })))
  const asked: string[] = []
  const isKnown = async (id: string) => {
    asked.push(id)
    return true
  }
  t.match(await list({ isKnown }), { received: [], complete: true })
  t.strictSame(
    asked,
    [3, 4].map(n => `messaging:${sid}:${sidOf(n)}`)
  )
  t.equal(requests.length, 2)
  const broken = new TypeError('the store')
  t.equal(await list({ isKnown: () => Promise.reject(broken) }).catch(e => e), broken)
})

t.test('a row that makes no sense is counted and passed over', async t => {
  const odd = [
    { sid: 'planted words' },
    { sid: null, num_media: '1' },
    { sid: '../x', num_media: '1' },
    { from: 'messenger:1' },
    { from: null },
    { to: 'whatsapp:+14155238887' },
    { account_sid: `AC${'0'.repeat(32)}` },
    { body: 'x'.repeat(65_537) },
    { date_created: null, date_sent: 'never' },
    { num_media: '1' }
  ]
  const { list } = await open(t, (response, seen) => {
    const isMedia = seen.url.pathname.endsWith('/Media.json')
    if (isMedia) return json(404, { code: 20404 })(response)
    rows(row(3), ...odd.map((change, i) => row(i + 4, change)), row(30))(response, seen)
  })
  const { received, unreadable, complete } = await list()
  t.strictSame([received.length, unreadable, complete], [2, odd.length, true])
})

t.test('attachments that are listed no more make a message unreadable', async t => {
  const { list } = await open(t, (response, seen) => {
    if (seen.url.pathname.endsWith('/Media.json')) return json(200, { media_list: [] })(response)
    rows(row(3, { num_media: '1' }))(response, seen)
  })
  t.match(await list(), { received: [], unreadable: 1 })
})

t.test('more than one listing takes is left for the next, which goes on where it stopped', async t => {
  const { list } = await open(
    t,
    rows(...Array.from({ length: 130 }, (_, i) => row(3, { sid: sidOf(i + 1), from: person })))
  )
  const kept = new Set<string>()
  const isKnown = async (id: string) => kept.has(id)
  const first = await list({ isKnown })
  t.strictSame([first.received.length, first.complete], [100, false])
  t.equal(first.received[0]?.data.message, sidOf(130), 'the last in the list is the oldest')
  for (const { id } of first.received) kept.add(id)
  const second = await list({ isKnown })
  t.strictSame([second.received.length, second.complete], [30, true])
})

t.test('of a sender with too many pages the newest are seen, and then it fails', async t => {
  let pages = 0
  const { list } = await open(t, (response, { url }) => {
    if (url.searchParams.get('To') === sms) return json(200, { messages: [] })(response)
    pages += 1
    json(200, { messages: [row(3)], next_page_uri: `${path}.json?Page=${pages}` })(response)
  })
  t.match(await list(), { received: [{ data: { message: sidOf(3) } }], complete: false })
  t.equal(pages, 200)
  const stuck = await list({ isKnown: async () => true }).catch(e => e)
  t.match(stuck, { code: 'LIST_UNAVAILABLE', cause: { code: 'TOO_MANY' } })
})

t.test('a listing that fails holds no key, no words and no number', async t => {
  const page = (response: ServerResponse, seen: Seen) => rows(row(3, { num_media: '1' }))(response, seen)
  const answers: Answer[] = [
    json(401, { code: 20003, message: 'planted words' }),
    json(429, { code: 20429 }),
    json(500, {}),
    json(200, null),
    json(200, { messages: [null] }),
    response => response.destroy(),
    response => response.writeHead(200).end('planted words, no JSON'),
    (response, seen) => (seen.url.pathname.endsWith('/Media.json') ? json(500, {})(response) : page(response, seen))
  ]
  for (const answer of answers) {
    const { list } = await open(t, answer)
    const error = await list().catch(e => e)
    t.match(error, { code: 'LIST_UNAVAILABLE' })
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), /planted|Basic|4155550100|Accounts/)
  }
})

t.test('a listing ends with its caller', async t => {
  const stopping = new AbortController()
  const { url } = await serve(t, () => stopping.abort())
  const channel = createTwilioMessaging({
    ...{ account, apiUrl: url, publicUrl: 'https://voice.example.com', maxAudioSeconds: 600, clock },
    observe: () => {}
  })
  t.match(await channel.listReceived(wanted, stopping.signal).catch(e => e), { code: 'LIST_UNAVAILABLE' })
})
