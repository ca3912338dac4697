// Where a fetch of media may be led to (AC-31): the metadata of clouds, this machine in every spelling, and names that are rebound.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { LookupFunction } from 'node:net'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { publicLookup } from '../../src/channels/public-lookup.ts'
import { createDownload } from '../../src/channels/twilio-media.ts'
import { account } from './account.ts'
import { serve } from './serve.ts'

const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0 }
const patient = new AbortController().signal

const loopback = [
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1'],
  ...['0.0.0.0', '0', '[::1]', '[0:0:0:0:0:0:0:1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
  ...['localhost', 'LOCALHOST', 'localhost.', '127.0.0.1.', '①②⑦.⓪.⓪.①', '%6cocalhost', 'user@127.0.0.1']
]
const metadata = [
  ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '[::ffff:169.254.169.254]'],
  ...['[fd00:ec2::254]', 'metadata.google.internal', '100.100.100.200', '168.63.129.16']
]

t.test('a redirect to this machine or to metadata opens no connection, however it is spelled', async t => {
  const trap = await listening(t)
  const dialled = connectsOf(t)
  const targets = [...loopback.map(host => `${host}:${trap.port}`), ...loopback, ...metadata].flatMap(host => [
    `http://${host}/latest/meta-data`,
    `https://${host}/latest/meta-data`,
    `//${host}/latest/meta-data`
  ])
  let to = ''
  const api = await serve(t, response => response.writeHead(302, { location: bytesOf(to) }).end())
  const download = createDownload({ apiUrl: api.url, rest: account.rest, clock })
  for (to of targets) t.equal((await download('/media', patient).catch(e => e)).code, 'AUDIO_HOST_REFUSED', to)
  t.equal(trap.connections(), 0)
  t.strictSame([...new Set(dialled)], [new URL(api.url).host], 'nothing but the API was dialled')
  t.equal(api.requests.length, targets.length)
})

t.test('a name of the CDN that leads to this machine, into a network or to metadata is not dialled', async t => {
  const api = await serve(t, response => response.writeHead(302, { location: 'https://media.twiliocdn.com/x' }).end())
  const inside = [
    ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'],
    ...['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '10.0.0.1', '192.168.0.1', '172.16.0.1', 'fe80::1']
  ]
  for (const address of inside) {
    for (const addresses of [[address], ['93.184.215.14', address]]) {
      const lookup = resolving([addresses]).lookup
      const download = createDownload({ apiUrl: api.url, rest: account.rest, clock, lookup })
      t.equal((await download('/media', patient).catch(e => e)).code, 'AUDIO_HOST_REFUSED', String(addresses))
    }
  }
})

t.test('a name that is rebound is dialled at the address that was looked at, or not at all', async t => {
  const resolver = resolving([['93.184.215.14'], ['127.0.0.1'], ['93.184.215.14'], ['169.254.169.254']])
  const look = publicLookup(resolver.lookup)
  const dial = () =>
    new Promise(resolve => look('media.twiliocdn.com', { all: true }, (error, found) => resolve(error ?? found)))
  for (const times of [1, 3]) {
    t.strictSame(await dial(), [{ address: '93.184.215.14', family: 4 }])
    t.equal(resolver.asked(), times, 'it is asked once a connection: what was judged is what is dialled')
    t.match(await dial(), { code: 'AUDIO_HOST_REFUSED' })
  }
})

/** A header holds bytes: digits in circles are several each. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1')
}

/** A resolver that answers each time with the next of these. */
function resolving(answers: readonly (readonly string[])[]) {
  let asked = 0
  const lookup: LookupFunction = (_hostname, _options, callback) => {
    const addresses = answers[asked++ % answers.length] ?? []
    callback(
      null,
      addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    )
  }
  return { lookup, asked: () => asked }
}

/** A port of every address of this machine, and how many have knocked. */
async function listening(t: Test) {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.destroy()
  }).listen(0)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as { port: number }).port, connections: () => connections }
}

/** The hosts that undici sets out to connect to, as long as the test runs. */
function connectsOf(t: Test): string[] {
  const hosts: string[] = []
  const note = (message: unknown) =>
    void hosts.push((message as { connectParams: { host: string } }).connectParams.host)
  subscribe('undici:client:beforeConnect', note)
  t.teardown(() => unsubscribe('undici:client:beforeConnect', note))
  return hosts
}
