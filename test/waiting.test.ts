import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { type Db, MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { asAdmin } from './mongod.ts'
import { accountSid, authToken, freePort, ours, startMs, startProcess, until } from './stage.ts'

const masterKey = Buffer.alloc(32, 7).toString('base64')

t.test('while the store does not answer, the process lives and is not ready, and a signal ends it', async t => {
  const closed = await freePort()
  const { url, server } = await start(t, `mongodb://127.0.0.1:${closed}/db?replicaSet=rs0`)
  await until(async () => (await fetch(`${url}/health/live`)).status === 200, startMs, server)
  const ready = await fetch(`${url}/health/ready`)
  t.equal(ready.status, 503)
  t.strictSame(await ready.json(), { ready: false, checks: [{ name: 'store', ok: false }] })

  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const others: [string, RequestInit][] = [
    ['/webhooks/twilio/messages', { method: 'POST', headers: form, body: 'Body=hello' }],
    ['/webhooks/twilio/status', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }],
    ['/api/conversations', {}],
    ['/metrics', {}],
    ['/health/live', { method: 'DELETE' }],
    ['/%zz', {}]
  ]
  for (const [path, init] of others) {
    const response = await fetch(url + path, init)
    t.equal(response.status, 503, path)
    t.equal(response.headers.get('retry-after'), '5')
    t.equal(await response.text(), '')
  }

  const told = performance.now()
  t.equal(await server.kill('SIGTERM'), 0)
  t.ok(performance.now() - told < 1_000, 'within a second')
  t.match(eventsOf(server.output()), [
    { event: 'config.warning' },
    { event: 'store.waiting', level: 'warn', cause: 'MongoServerSelectionError' },
    { event: 'server.stopped', code: 'signal' }
  ])
})

t.test('the server starts by itself when the store answers', async t => {
  const { visit, uriAt, database } = openDatabase(t)
  const port = await freePort()
  const { url, server } = await start(t, `mongodb://127.0.0.1:${port}/${database}?directConnection=true`)
  await until(async () => (await fetch(`${url}/health/live`)).status === 200, startMs, server)
  await listenFor(t, port, uriAt().port)
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200, startMs, server)
  t.equal((await fetch(`${url}/webhooks/twilio/messages`, { method: 'POST' })).status, 415, 'the server itself answers')
  await visit(async db => t.ok(await db.collection('records').countDocuments()))
  t.equal(await server.kill('SIGTERM'), 0)
  t.match(
    eventsOf(server.output()).filter(({ event }) => /^(store|server)\./.test(String(event))),
    [
      { event: 'store.waiting' },
      { event: 'server.listening', store: 'mongodb' },
      { event: 'server.draining' },
      { event: 'server.stopped' }
    ]
  )
})

t.test('a server whose start cannot be told to the audit waits until it can', async t => {
  const { visit, uriAt, database } = openDatabase(t)
  const admin = uriAt().href
  await asAdmin(admin, {
    configureFailPoint: 'failCommand',
    mode: { times: 2 },
    data: { failCommands: ['insert'], namespace: `${database}.audit`, errorCode: 10_107 }
  })
  const { url, server } = await start(t, uriAt(database).href)
  await until(async () => (await fetch(`${url}/health/ready`)).status === 200, startMs, server)
  t.match(eventsOf(server.output()).at(1), { event: 'store.waiting', level: 'warn' })
  await visit(async db => t.equal(await db.collection('audit').countDocuments({ action: 'server.start' }), 1))
  t.equal(await server.kill('SIGTERM'), 0)
})

t.test('what no waiting mends stops the start with a sentence', async t => {
  const { visit, uriAt, database } = openDatabase(t)
  const stranger = uriAt(database)
  stranger.username = 'stranger'
  stranger.password = 'S3cret'
  const withFile = uriAt(database)
  withFile.search += '&tls=true&tlsCAFile=/no/such/file'
  await visit(db =>
    db.collection<{ _id: string }>('meta').insertOne({ _id: 'schema', version: 999 } as { _id: string })
  )
  const cases: [string, RegExp][] = [
    [stranger.href, /^Knomly does not start\.\nMongoDB refuses the credentials of MONGODB_URI: correct them/m],
    [withFile.href, /^A file that MONGODB_URI names cannot be read \(ENOENT\): check its path/m],
    [uriAt(database).href, /^The database has schema version 999, and this build/m]
  ]
  for (const [uri, sentence] of cases) {
    const { server } = await start(t, uri)
    t.equal(await server.exited, 1)
    t.match(server.output(), sentence)
    t.notMatch(server.output(), /S3cret|stranger|\n\s+at |store\.waiting/)
  }
})

async function start(t: Test, uri: string) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = startProcess('src/server.ts', {
    PORT: String(port),
    PUBLIC_URL: url,
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_SENDERS: ours,
    ALLOWED_SENDERS: '+15551234567',
    OPENAI_API_KEY: 'sk-test',
    MASTER_KEY: masterKey,
    MONGODB_URI: uri
  })
  t.teardown(() => server.kill('SIGKILL'))
  return { url, server }
}

/** A database of the tests' replica set that goes with the test. */
function openDatabase(t: Test) {
  const database = `waiting-${randomUUID()}`
  const uriAt = (path = '') => Object.assign(new URL(process.env.TEST_MONGODB_URI ?? ''), { pathname: `/${path}` })
  const visit = async (body: (db: Db) => Promise<unknown>) => {
    const client = new MongoClient(uriAt(database).href)
    await body(client.db()).finally(() => client.close())
  }
  t.teardown(() => visit(db => db.dropDatabase()))
  return { database, uriAt, visit }
}

/** Hands what comes to `port` on to `target`. */
async function listenFor(t: Test, port: number, target: string): Promise<void> {
  const listener = createServer(incoming => {
    const outgoing = connect(Number(target), '127.0.0.1')
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming]
    ] as const) {
      one.pipe(other)
      one.on('error', () => other.destroy())
    }
  })
  t.teardown(() => listener.close())
  await once(listener.listen(port, '127.0.0.1'), 'listening')
}

function eventsOf(output: string): Record<string, unknown>[] {
  return output
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
}
