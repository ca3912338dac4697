import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { StoreConfig } from '../../src/config/store.ts'
import { restoreMark } from '../../src/store/transfer.ts'
import { openSource } from '../../src/transfer.ts'
import { knomly, startFile } from '../commands.ts'
import { startProcess, until } from '../stage.ts'
import { message, step } from '../store/builders.ts'
import { claim, day, done } from '../store/contract/moves.ts'
import { openStore } from '../store/open-sqlite.ts'
import { folder, makeKey, masterKey, type Place, placeOf } from './filled.ts'

const root = join(import.meta.dirname, '../..')
const megabyte = 1024 * 1024
const key = masterKey.toString('base64')
const large = await backupOf(t, 48)

// It takes a minute alone, and many beside the chaos tests, which leave it little of the machine.
t.setTimeout(480_000)

t.test('memory does not grow with what is stored', async t => {
  const [small, huge] = [await backupOf(t, 24), await backupOf(t, 160)]
  const target = () => ({ DATA_DIR: join(folder(t), 'data'), MASTER_KEY: key })
  for (const [what, few, many] of [
    ['backup', small.peak, huge.peak],
    ['restore', await restored(small.file, target()), await restored(huge.file, target())]
  ] as const) {
    // What waits to be collected comes to some tens of MB; what was held would come to 136 or more.
    t.ok(many - few < 100, `${what}: ${few} MB for 24 MB, ${many} MB for 160 MB`)
  }
})

for (const kind of ['SQLite', 'MongoDB'] as const) {
  t.test(`a restore into ${kind} that is killed is begun again and ends the same; no server starts before`, async t => {
    const { place, env } = await killedMidway(t, kind)
    const before = await summaryOf(place)
    t.ok(before.length < large.entries.length, `${before.length} of ${large.entries.length} entries were there`)

    const server = startProcess('src/server.ts', { ...settings, ...env })
    t.equal(await server.exited, 1)
    t.match(
      server.output(),
      /^Knomly does not start\.\nA restore into this store has not ended: run "knomly restore" again/m
    )
    const otherwise = await knomly(env, 'restore', large.file, '--resume')
    t.match(otherwise, { code: 1, output: /Another restore into this store was begun and not ended/ })

    t.match(await knomly(env, 'restore', large.file), {
      code: 0,
      output: /24 executions, 24 blobs, 0 records and 0 audit records of .* are restored/
    })
    t.strictSame(await summaryOf(place), large.entries)
  })
}

const settings = {
  PORT: '0',
  PUBLIC_URL: 'https://voice.example.com',
  TWILIO_ACCOUNT_SID: `AC${'c3'.repeat(16)}`,
  TWILIO_AUTH_TOKEN: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  TWILIO_SENDERS: 'whatsapp:+14155238886',
  ALLOWED_SENDERS: '*',
  OPENAI_API_KEY: 'sk-test'
}

/** A backup of a store with so many MB of audio in it. */
async function backupOf(t: Test, size: number): Promise<{ file: string; peak: number; entries: unknown[] }> {
  const dir = join(folder(t), 'data')
  const { store } = await openStore(t, dir)
  // It repeats itself, so that to compress it takes no time.
  const bytes = Buffer.alloc(2 * megabyte, randomBytes(12_288))
  for (let i = 0; i < size / 2; i++) {
    await store.accept(message({ lane: `lane-${i}` }))
    const { lease, execution } = (await claim(store))!
    const blob = { bytes, purgeAt: Date.now() + 3_650 * day }
    await store.finish(lease, execution.id, { ...done, frames: [step(execution)], extras: { blob }, takeNext: false })
  }
  await makeKey(store)
  const file = join(folder(t), 'backup')
  const peak = await peakOf({ DATA_DIR: dir }, 'backup', file)
  const entries = await summaryOf({
    databaseUri: undefined,
    dataDir: dir,
    masterKey,
    masterKeyNext: undefined,
    contentMs: day
  })
  return { file, peak, entries }
}

function restored(file: string, env: Record<string, string>): Promise<number> {
  return peakOf(env, 'restore', file)
}

async function peakOf(env: Record<string, string>, ...args: string[]): Promise<number> {
  // tap loads itself into every Node process it sees started, by NODE_OPTIONS: that would be measured as well.
  const program = ['--import', join(import.meta.dirname, 'measured.ts'), join(root, 'src/cli.ts')]
  const command = ['NODE_OPTIONS=', process.execPath, ...program, ...args]
  const { stdout: output } = await promisify(execFile)('env', command, { env })
  return Number(/peak (\d+) MB/.exec(output)?.[1])
}

/** Kills a restore once it has begun to write; again in a new place where it was quicker than that. */
async function killedMidway(
  t: Test,
  kind: 'SQLite' | 'MongoDB'
): Promise<{ place: Place; env: Record<string, string> }> {
  for (let tries = 0; tries < 5; tries++) {
    const place = placeOf(t, kind)
    const { databaseUri: uri } = place
    const env = { DATA_DIR: place.dataDir, MASTER_KEY: key, ...(uri !== undefined && { MONGODB_URI: uri }) }
    const run = startFile('src/cli.ts', ['restore', large.file], env)
    await until(() => holdsBytes(place), 60_000)
    run.kill('SIGKILL')
    await run.ended
    const { store } = await place.open()
    const mark = await store.record(restoreMark)
    await store.close()
    if (mark !== null) return { place, env }
  }
  throw new Error('the restore was always quicker than its end')
}

async function holdsBytes(place: Place): Promise<boolean> {
  const source = await openSource(place)
  try {
    for await (const entry of source.entries()) if (entry.type === 'blob') return true
    return false
  } finally {
    await source.close()
  }
}

/** What a store holds, without the bytes themselves and what is told of a restore. */
async function summaryOf(place: StoreConfig): Promise<unknown[]> {
  const source = await openSource(place)
  const entries = await Array.fromAsync(source.entries(), entry =>
    entry.type === 'blob' ? { ...entry, bytes: entry.bytes.length } : entry
  ).finally(() => source.close())
  return entries.filter(({ type }) => type !== 'audit' && type !== 'block')
}
