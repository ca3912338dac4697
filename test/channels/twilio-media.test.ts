import type { ServerResponse } from 'node:http'
import type { LookupFunction } from 'node:net'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { getGlobalDispatcher, ProxyAgent, setGlobalDispatcher } from 'undici'
import { isPublic, publicLookup } from '../../src/channels/public-lookup.ts'
import { createDownload, maxBytes } from '../../src/channels/twilio-media.ts'
import { createTwilioMessaging } from '../../src/channels/twilio-messaging.ts'
import type { EventName } from '../../src/frames/event.ts'
import type { Failure } from '../../src/frames/failure.ts'
import type { Message } from '../../src/frames/kinds.ts'
import { account, basic, media, message, person, sid, us } from './account.ts'
import { type Seen, serve } from './serve.ts'
import { voice } from './voices.ts'

const path = `/2010-04-01/Accounts/${sid}/Messages/${message}/Media/${media}`
const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0 }
const patient = new AbortController().signal
const note = voice('p01-request.ogg')

function received(attachment: Partial<Message['media'][number]> = {}): Message {
  return {
    channel: 'messaging',
    account: sid,
    message,
    from: person,
    to: us,
    text: '',
    media: [{ id: media, type: 'audio/ogg', audio: true, ...attachment }],
    forwarded: false
  }
}

/** A channel on a stand-in for Twilio's media that answers as told. */
async function open(t: Test, answer: (response: ServerResponse, seen: Seen) => void) {
  const events: EventName[] = []
  const { url, requests } = await serve(t, answer)
  const channel = createTwilioMessaging({
    account,
    apiUrl: url,
    publicUrl: 'https://voice.example.com',
    maxAudioSeconds: 600,
    clock,
    observe: event => events.push(event)
  })
  const fetch = (of: Message = received()) => channel.fetchAudio(of, 0, patient)
  const failure = (of?: Message): Promise<Failure> =>
    fetch(of).then(
      () => t.fail('it was fetched'),
      e => e
    )
  return { url, requests, events, fetch, failure }
}

const redirect = (to: string) => (response: ServerResponse, seen: Seen) =>
  seen.url.pathname === path ? response.writeHead(307, { location: to }).end() : response.end(note)

t.test('a voice note is fetched by its SIDs, and the key goes with the first request only', async t => {
  const { requests, fetch } = await open(t, redirect('/cdn/note?signature=x'))
  const audio = await fetch()
  t.equal(audio.type, 'audio/ogg')
  t.equal(audio.seconds?.toFixed(2), '2.33')
  t.ok(note.equals(audio.bytes))
  t.strictSame(
    requests.map(seen => [seen.method, seen.url.pathname, seen.authorization]),
    [
      ['GET', path, basic],
      ['GET', '/cdn/note', undefined]
    ]
  )
})

t.test('a redirect to any other host is refused, told to the operator, and never followed', async t => {
  const trap = await serve(t, response => response.end(note))
  for (const to of [
    `${trap.url}/note`,
    'https://169.254.169.254/latest/meta-data',
    'http://mms.twiliocdn.com/note',
    'https://mms.twiliocdn.com:8443/note',
    'https://user:key@mms.twiliocdn.com/note',
    'https://twiliocdn.com/note',
    'https://mms.twiliocdn.com.evil.example/note',
    'https://eviltwiliocdn.com/note',
    'https://mms.twiliocdn.com@evil.example/note',
    '//evil.example/note',
    'https://[bad',
    'file:///etc/passwd'
  ]) {
    const { events, failure, requests } = await open(t, redirect(to))
    t.equal((await failure()).code, 'AUDIO_HOST_REFUSED', to)
    t.strictSame(events, ['media.refused'])
    t.equal(requests.length, 1)
  }
  t.strictSame(trap.requests, [])
})

t.test('the CDN is dialled at public addresses only, whatever its name resolves to', async t => {
  const api = await serve(t, redirect('https://mms.twiliocdn.com/note'))
  for (const addresses of [['127.0.0.1'], ['93.184.215.14', '10.0.0.1'], ['::ffff:127.0.0.1'], []]) {
    const asked: string[] = []
    const lookup: LookupFunction = (hostname, _options, callback) => {
      asked.push(hostname)
      callback(
        null,
        addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
      )
    }
    const download = createDownload({ apiUrl: api.url, rest: account.rest, clock, lookup })
    t.equal((await download(path, patient).catch(e => e)).code, 'AUDIO_HOST_REFUSED', String(addresses))
    t.strictSame(asked, ['mms.twiliocdn.com'])
  }
})

t.test('a public address is handed on as it was asked for', async t => {
  const found = { address: '93.184.215.14', family: 4 }
  const lookup = publicLookup((_hostname, options, callback) => {
    t.equal(options.all, true, 'every address is looked at')
    callback(null, [found])
  })
  lookup('mms.twiliocdn.com', { all: true }, (error, address) => t.strictSame([error, address], [null, [found]]))
  lookup('mms.twiliocdn.com', {}, (error, ...one) => t.strictSame([error, ...one], [null, found.address, 4]))
  const lost = publicLookup((_hostname, _options, callback) => callback(new Error('no such name'), ''))
  lost('mms.twiliocdn.com', {}, error => t.match(error, { message: 'no such name' }))
})

t.test('only addresses of the public internet count as public', async t => {
  for (const address of ['93.184.215.14', '8.8.8.8', '172.32.0.1', '2606:4700::1111']) t.ok(isPublic(address), address)
  for (const address of [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.9.9.9', '169.254.169.254', '172.16.0.1', '192.168.1.1'],
    ...['192.0.2.1', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
    ...[
      '::',
      '::1',
      '::ffff:10.0.0.1',
      'fe80::1',
      'fd00::1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
      '2001:db8::1',
      'ff02::1'
    ]
  ]) {
    t.notOk(isPublic(address), address)
  }
})

t.test('redirects that do not end are given up after three requests', async t => {
  const { requests, failure } = await open(t, response => response.writeHead(302, { location: path }).end())
  t.equal((await failure()).code, 'AUDIO_UNAVAILABLE')
  t.strictSame(
    requests.map(seen => seen.authorization),
    [basic, undefined, undefined]
  )
})

t.test('a proxy of the environment is not used', async t => {
  const proxy = await serve(t, response => response.end(note))
  const before = getGlobalDispatcher()
  t.teardown(() => setGlobalDispatcher(before))
  setGlobalDispatcher(new ProxyAgent(proxy.url))
  t.intercept(process, 'env', { value: { ...process.env, HTTP_PROXY: proxy.url, http_proxy: proxy.url } })
  const { fetch, requests } = await open(t, response => response.end(note))
  await fetch()
  t.equal(requests.length, 1)
  t.strictSame(proxy.requests, [])
})

t.test('16 MiB are read and one byte more is not', async t => {
  const answers: Record<string, (response: ServerResponse) => void> = {
    '/whole': response => response.end(Buffer.alloc(maxBytes, 1)),
    '/said': response => response.writeHead(200, { 'content-length': maxBytes + 1 }).flushHeaders(),
    '/streamed': response => response.write(Buffer.alloc(maxBytes + 1))
  }
  const api = await serve(t, (response, seen) => answers[seen.url.pathname]?.(response))
  const download = createDownload({ apiUrl: api.url, rest: account.rest, clock })
  t.equal((await download('/whole', patient)).length, maxBytes)
  for (const at of ['/said', '/streamed']) {
    t.equal((await download(at, patient).catch(e => e)).code, 'AUDIO_TOO_LARGE', at)
  }
})

t.test('media that is late or out of order is tried again, and Retry-After is obeyed', async t => {
  const answered = async (status: number, headers = {}) => {
    const { failure } = await open(t, response => response.writeHead(status, headers).end('x'))
    const { code, retryAfterMs } = await failure()
    return retryAfterMs === undefined ? code : [code, retryAfterMs]
  }
  t.equal(await answered(404), 'AUDIO_NOT_FOUND')
  for (const status of [401, 403]) t.equal(await answered(status), 'AUDIO_ACCESS_REFUSED', String(status))
  for (const status of [204, 307, 500, 503]) t.equal(await answered(status), 'AUDIO_UNAVAILABLE', String(status))
  t.strictSame(await answered(429, { 'retry-after': '7' }), ['AUDIO_UNAVAILABLE', 7_000])
  t.strictSame(await answered(503, { 'retry-after': new Date(clock.now() + 9_000).toUTCString() }), [
    'AUDIO_UNAVAILABLE',
    9_000
  ])
  t.strictSame(await answered(503, { 'retry-after': 'soon' }), 'AUDIO_UNAVAILABLE')
})

t.test('a server that hangs, breaks off or is gone is given up in time', async t => {
  const api = await serve(t, (response, seen) => {
    if (seen.url.pathname === '/trickle') response.writeHead(200).write('x')
    if (seen.url.pathname === '/broken') {
      response.writeHead(200, { 'content-length': 100 }).write('x', () => response.destroy())
    }
  })
  const download = createDownload({ apiUrl: api.url, rest: account.rest, clock, deadlineMs: 80 })
  for (const at of ['/silent', '/trickle', '/broken']) {
    t.equal((await download(at, patient).catch(e => e)).code, 'AUDIO_UNAVAILABLE', at)
  }
  t.equal((await download('/silent', AbortSignal.abort()).catch(e => e)).code, 'AUDIO_UNAVAILABLE', 'aborted')
  const gone = createDownload({ apiUrl: 'http://127.0.0.1:1', rest: account.rest, clock })
  const error = await gone(path, patient).catch(e => e)
  t.equal(error.code, 'AUDIO_UNAVAILABLE')
  t.notMatch(inspect(error, { depth: 9, showHidden: true }), /planted-secret|Basic|Accounts/)
})

t.test('an attachment that is foreign or not audio is never asked for', async t => {
  const { requests, events, failure } = await open(t, response => response.end(note))
  t.equal((await failure(received({ id: 'foreign' }))).code, 'AUDIO_HOST_REFUSED')
  t.strictSame(events, ['media.refused'])
  t.equal((await failure(received({ type: 'image/png', audio: false }))).code, 'AUDIO_NOT_AUDIO')
  t.equal((await failure({ ...received(), media: [] })).code, 'AUDIO_NOT_AUDIO')
  t.strictSame(requests, [])
})

t.test('what was fetched is judged by its bytes', async t => {
  for (const [bytes, code] of [
    ['', 'AUDIO_EMPTY'],
    ['<!doctype html><title>Sign in</title>', 'AUDIO_NOT_AUDIO']
  ]) {
    const { failure } = await open(t, response => response.setHeader('content-type', 'audio/ogg').end(bytes))
    t.equal((await failure()).code, code)
  }
})
