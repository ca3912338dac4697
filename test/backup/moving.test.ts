import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import type { AgentRequest } from '../../src/simulator/agent-script.ts'
import type { Posted } from '../../src/simulator/caller.ts'
import type { AuditRecord } from '../../src/store/audit.ts'
import { knomly } from '../commands.ts'
import { accountSid, type Stage, setStage } from '../stage.ts'
import { uriOf } from '../store/open-mongodb.ts'
import { folder } from './filled.ts'

const address = (n: number) => `whatsapp:+1555777000${n}`
const entry = 'test/journeys/dying-tool.ts'

const stage = await setStage(t, { agent: answer })
const { dataDir } = stage
/** Settled once the model was asked about what is slow; until then it has no answer. */
const asked = Promise.withResolvers<void>()
let isSlow = true
const file = join(folder(t), 'backup')
const posts = { first: {} as Posted, second: {} as Posted, slow: {} as Posted, rung: {} as Posted }

t.test('a server is backed up while it runs, and its folder takes no restore', async t => {
  const server = await stage.start({}, entry)
  posts.first = await stage.callerOf(address(1)).text('hello')
  await stage.callerOf(address(2)).text('STOP')
  await stage.settled()
  const made = await knomly(storeEnv(), 'backup', file)
  t.match(made, {
    code: 0,
    output: /^2 executions, 0 blobs, \d records and \d audit records are in .*backup \(\d+ KB\)\.\nThe keys are in /
  })
  const taken = await knomly(storeEnv(), 'restore', file)
  t.match(taken, { code: 1, output: /^knomly restore: Another process holds this DATA_DIR .* Stop that process/ })
  t.match(await knomly(storeEnv(), 'backup', file), { code: 1, output: /is there already: name another file/ })
  t.equal(server.output().includes('store.unavailable'), false)

  posts.second = await stage.callerOf(address(1)).text('again')
  await stage.settled()
  posts.slow = await stage.callerOf(address(3)).text('slow')
  await asked.promise
  posts.rung = await stage.callerOf(address(4)).text('ring')
  await server.exited
  isSlow = false
  t.equal((await knomly(storeEnv(), 'backup', file, '--force')).code, 0)
})

t.test('what a restore needs is asked for, and nothing is written before', async t => {
  const cases: [Record<string, string>, string[], RegExp][] = [
    [{ DATA_DIR: freshDir(t) }, ['restore', file], /There is no master key: set MASTER_KEY/],
    [{ DATA_DIR: freshDir(t), MASTER_KEY: newKey() }, ['restore', file], /The master key does not open .*backup\.keys/],
    [{ DATA_DIR: freshDir(t), MASTER_KEY: oldKey() }, ['restore', `${file}.keys`], /is no backup/],
    [{ DATA_DIR: freshDir(t) }, ['backup', `${file}-2`], /There is no store in DATA_DIR/],
    [{ DATA_DIR: '/dev/null/data', MASTER_KEY: oldKey() }, ['restore', file], /DATA_DIR cannot be used \(E\w+\)/],
    [{ DATA_DIR: freshDir(t), MASTER_KEY: oldKey() }, ['restore'], /The file to restore is missing/],
    [{ MONGODB_URI: uriOf('none') }, ['restore', file], /not complete\.\nMASTER_KEY is missing/],
    [{ MONGODB_URI: uriOf('none'), MASTER_KEY: oldKey() }, ['backup', `${file}-2`], /holds no store/],
    [
      { MONGODB_URI: 'mongodb://127.0.0.1:9/x?replicaSet=rs0&serverSelectionTimeoutMS=300', MASTER_KEY: oldKey() },
      ['backup', `${file}-2`],
      /The store does not answer \(MongoServerSelectionError\): look at .*MONGODB_URI/
    ]
  ]
  const results = await Promise.all(cases.map(([more, args]) => knomly(more, ...args)))
  for (const [i, [more, args, sentence]] of cases.entries()) {
    t.match(results[i], { code: 1, output: sentence })
    t.notMatch(results[i]?.output, /\n +at /)
    t.equal(existsSync(join(more.DATA_DIR ?? '', 'knomly.sqlite')), false, args.join(' '))
  }
})

t.test('on the other store what was open is unknown, rests, and is sent back to work by the operator', async t => {
  const database = databaseOf(t)
  const restored = await knomly(database, 'restore', file)
  t.match(restored, { code: 0, output: new RegExp(`^running +${idOf(posts.slow)}$`, 'm') })
  t.match(restored.output, new RegExp(`^running +${idOf(posts.rung)}$`, 'm'))
  t.match(restored.output, /2 messages had not come to an end and may have been answered since: they are "unknown" now/)
  t.match(await knomly(database, 'restore', file), {
    code: 1,
    output: /The store is not empty: restore into a new one/
  })

  t.match(await knomly(database, 'audit', 'verify'), { code: 0, output: /The audit is whole\.$/m })

  const server = await stage.start(database, entry)
  await stage.callerOf(address(1)).raw(repeated(posts.first))
  await stage.callerOf(address(2)).text('hello?')
  await stage.settled()
  t.strictSame(stage.read(address(1)), ['Echo: hello', 'Echo: again'], 'nothing is answered twice')
  t.strictSame(stage.read(address(3)), [])
  t.equal(stage.read(address(2)).length, 1, 'who asked for silence is not written to')
  t.equal((await stage.execution(posts.rung.messageSid))?.state, 'unknown')
  const own = await recordsOf(stage, 'tenant=server')
  t.strictSame(
    own.map(({ action }) => action),
    ['server.start', 'store.restore', 'server.start'],
    'the server here, the restore, and the server of the source'
  )
  t.match(own[1], { actor: 'operator', outcome: 'done', detail: { resume: false, execution: 5, blob: 0 } })
  const told = await recordsOf(stage, `execution=${idOf(posts.first)}`)
  t.strictSame(told.map(({ outcome }) => outcome).toSorted(), ['done', null])

  t.equal((await retry(stage, posts.rung)).status, 409, 'a tool may have been called')
  t.equal((await retry(stage, posts.rung, { effect: 'happened' })).status, 200)
  t.equal((await retry(stage, posts.slow)).status, 200, 'nothing had been done')
  await stage.ended(posts.rung.messageSid)
  await stage.ended(posts.slow.messageSid)
  t.strictSame(stage.read(address(4)), ['The bell: It was done.'])
  t.strictSame(stage.read(address(3)), ['Echo: slow'])
  t.equal(await server.kill('SIGTERM'), 0)
})

t.test('with --resume the work goes on by itself, also back on the embedded store', async t => {
  const database = databaseOf(t)
  t.match(await knomly(database, 'restore', file, '--resume'), {
    code: 0,
    output: /2 messages had not come to an end: the work goes on when the server starts/
  })
  const second = join(folder(t), 'second')
  t.match(await knomly(database, 'backup', second), { code: 0 })
  const back = { DATA_DIR: freshDir(t), MASTER_KEY: oldKey() }
  t.match(await knomly(back, 'restore', second, '--resume'), { code: 0 })
  t.match(await knomly(back, 'audit', 'verify'), { code: 0, output: /The audit is whole\.$/m })
  const server = await stage.start(back, entry)
  await stage.ended(posts.slow.messageSid)
  await stage.ended(posts.rung.messageSid, ['unknown'])
  t.strictSame(stage.read(address(3)), ['Echo: slow', 'Echo: slow'], 'the other copy has answered as well')
  t.equal(await server.kill('SIGTERM'), 0)
})

/** The variables of the store alone: a copy needs no others. */
function storeEnv(): Record<string, string> {
  return { DATA_DIR: dataDir }
}

function databaseOf(t: Test): Record<string, string> {
  const uri = uriOf(`moving-${randomUUID()}`)
  t.teardown(async () => {
    const client = new MongoClient(uri)
    await client
      .db()
      .dropDatabase()
      .finally(() => client.close())
  })
  return { MONGODB_URI: uri, MASTER_KEY: oldKey(), DATA_DIR: freshDir(t) }
}

function freshDir(t: Test): string {
  return join(folder(t), 'data')
}

function oldKey(): string {
  return readFileSync(join(dataDir, 'master.key'), 'utf8')
}

function newKey(): string {
  return randomBytes(32).toString('base64')
}

function idOf({ messageSid }: Posted): string {
  return `messaging:${accountSid}:${messageSid}`
}

/** The same webhook once more. */
function repeated({ messageSid }: Posted) {
  return {
    ...stage.callerOf(address(1)).textParams('hello'),
    MessageSid: messageSid,
    SmsMessageSid: messageSid,
    SmsSid: messageSid
  }
}

async function recordsOf(stage: Stage, query: string): Promise<AuditRecord[]> {
  return ((await (await stage.api(`/api/audit?${query}`)).json()) as { records: AuditRecord[] }).records
}

function retry(stage: Stage, posted: Posted, body?: object): Promise<Response> {
  return stage.api(`/api/inbox/${idOf(posted)}/retry`, {
    method: 'POST',
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  })
}

async function answer(request: AgentRequest) {
  const last = request.items.at(-1)
  if (last?.role === 'result') return { text: `The bell: ${last.output}` }
  const said = request.items.findLast(item => item.role === 'user')
  const words = said !== undefined && 'text' in said ? said.text : ''
  if (words === 'slow' && isSlow) {
    asked.resolve()
    await new Promise(() => {})
  }
  if (words === 'ring') return { calls: [{ name: 'ring_bell', arguments: {} }] }
  return { text: `Echo: ${words}` }
}
