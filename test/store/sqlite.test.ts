import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Frame } from '../../src/frames/frame.ts'
import { createChanges } from '../../src/store/sqlite/changes.ts'
import { giveDigest } from '../../src/store/sqlite/digest.ts'
import { message, step } from './builders.ts'
import { claim, day, done, hour, leaseMs, second } from './contract/moves.ts'
import { contract } from './contract.ts'
import { idsIn, openStore } from './open-sqlite.ts'

t.test('SQLite keeps the contract of the store', async t => {
  contract(t, openStore)
})

t.test('no statement that works depends on how much is stored', async t => {
  const prepare = DatabaseSync.prototype.prepare
  const prepared = new Set<string>()
  DatabaseSync.prototype.prepare = function (sql, ...rest) {
    prepared.add(sql)
    return prepare.call(this, sql, ...rest)
  }
  t.teardown(() => {
    DatabaseSync.prototype.prepare = prepare
  })
  const dir = t.testdir()
  await openStore(t, dir)
  const db = new DatabaseSync(join(dir, 'knomly.sqlite'))
  t.teardown(() => db.close())
  giveDigest(db)
  createChanges(db, day)
  DatabaseSync.prototype.prepare = prepare

  const plans = [...prepared]
    .filter(sql => /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(sql))
    .map(sql => ({
      sql,
      plan: db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(row => String(row.detail))
    }))
  t.ok(plans.length > 40)
  const heavy = plans.filter(({ plan }) => plan.some(line => /^SCAN|TEMP B-TREE/.test(line)))
  // What waits to be sealed is what a second brought.
  const [waiting, others] = [true, false].map(is => heavy.filter(({ sql }) => sql.includes('audit_unsealed') === is))
  t.strictSame(
    others?.map(({ plan }) => plan),
    [['SCAN executions USING COVERING INDEX executions_open']]
  )
  t.strictSame(
    waiting?.flatMap(({ plan }) => plan).filter(line => /^SCAN (?!audit_unsealed|\(subquery|CONSTANT)/.test(line)),
    []
  )
  // The order of what is stored for good comes from its index.
  for (const { plan } of waiting ?? []) t.notMatch(plan.join('\n'), /SEARCH audit .*\n.*TEMP B-TREE/)
  const planOf = (part: string) => plans.find(({ sql }) => sql.includes(part))?.plan
  t.strictSame(planOf('FROM lanes WHERE tenant = ?'), [
    'SEARCH lanes USING COVERING INDEX lanes_due (tenant=? AND wake_at<?)'
  ])
  t.strictSame(planOf('open = 1 ORDER BY ord LIMIT 1'), [
    'SEARCH executions USING COVERING INDEX executions_head (lane=?)'
  ])
})

t.test('a faulty change fails alone among those it is committed with', async t => {
  const { store } = await openStore(t)
  const mine = message()
  const circular: { self?: object } = {}
  circular.self = circular
  const key = { tenant: 't', user: 'u', kind: 'k', id: 'i' }
  const [accepted, unwritable, unsendable, unbindable, ready] = await Promise.allSettled([
    store.accept(mine),
    store.putRecord(key, circular, 0),
    store.take(Symbol('not a key') as unknown as string, second),
    store.take({} as unknown as string, second),
    store.ready()
  ])
  t.match(accepted, { status: 'fulfilled', value: 'accepted' })
  t.match(unwritable, { status: 'rejected', reason: { name: 'TypeError' } })
  t.match(unsendable, { status: 'rejected', reason: { name: 'DataCloneError' } })
  t.match(unbindable, { status: 'rejected', reason: { name: 'TypeError' } })
  t.equal(ready.status, 'fulfilled')
  t.ok(await store.read(mine.id))
})

t.test('a change that waited too long is refused and never made', async t => {
  const dir = t.testdir()
  const { store, clock } = await openStore(t, dir)
  const [underWay, late, prompt] = [message(), message(), message()]
  const visitor = new DatabaseSync(join(dir, 'knomly.sqlite'))
  t.teardown(() => visitor.close())
  visitor.exec('BEGIN IMMEDIATE')
  const refusals = [store.accept(underWay).catch(error => error)]
  await setTimeout(50)
  refusals.push(store.accept(late).catch(error => error))
  await setTimeout(50)
  clock.advance(4.6 * second)
  for (const refusal of refusals) t.match(await refusal, { code: 'STORE_UNAVAILABLE' })
  const waiting = store.accept(prompt)
  visitor.exec('ROLLBACK')
  t.equal(await waiting, 'accepted')
  t.ok(await store.read(underWay.id), 'what was under way is kept')
  t.equal(await store.read(late.id), null)
  t.equal(await store.accept(underWay), 'duplicate')
  t.equal(await store.accept(late), 'accepted')
})

t.test('a record whose writing was given up is seen as soon as it is there', async t => {
  const dir = t.testdir()
  const { store, clock } = await openStore(t, dir)
  const key = { tenant: 'tenant-1', user: 'user-1', kind: 'person', id: 'self' }
  const visitor = new DatabaseSync(join(dir, 'knomly.sqlite'))
  t.teardown(() => visitor.close())
  visitor.exec('BEGIN IMMEDIATE')
  const refusal = store.putRecord(key, 'closed', 0).catch(error => error)
  await setTimeout(50)
  clock.advance(4.6 * second)
  t.match(await refusal, { code: 'STORE_UNAVAILABLE' })
  t.equal(await store.record(key), null)
  visitor.exec('ROLLBACK')
  t.equal(await store.accept(message()), 'accepted', 'and what was under way is made before')
  t.match(await store.record(key), { version: 1, data: 'closed' })
  t.equal(await store.putRecord(key, 'open', 1), true)
  t.match(await store.record(key), { data: 'open' })
})

t.test('a full disk refuses and keeps nothing half, and work goes on once there is room', async t => {
  const small = await openOnFullDisk(t)
  // group-commit.test.ts meets the same end without a mount.
  if (small === null) return t.comment('no file system may be mounted here')
  const { store, dir, makeRoom } = small
  const acknowledged: string[] = []
  let failure: { code?: string; cause?: unknown } = {}
  for (let i = 0; failure.code === undefined && i < 20_000; i += 10) {
    const batch = Array.from({ length: 10 }, (_, k) => message({ lane: `lane-${i + k}` }))
    for (const [k, answer] of (await Promise.allSettled(batch.map(one => store.accept(one)))).entries()) {
      if (answer.status === 'fulfilled') acknowledged.push(batch[k]!.id)
      else failure = answer.reason
    }
  }
  t.match(failure, { code: 'STORE_UNAVAILABLE', cause: { code: 'ERR_SQLITE_ERROR', errcode: 13 } })
  t.ok(acknowledged.length > 0)
  t.strictSame(idsIn(dir), acknowledged.toSorted(), 'what is there is what was acknowledged')

  makeRoom()
  const later = message()
  t.equal(await store.accept(later), 'accepted')
  const { lease, execution } = (await claim(store))!
  t.equal(await store.append(lease, execution.id, [step(execution)]), true)
  t.strictSame(idsIn(dir), [...acknowledged, later.id].toSorted())
})

t.test('a nearly full disk takes no new message and ends the work that was accepted', async t => {
  const disk = { bavail: 1_000, blocks: 10_000, bsize: 4_096 }
  const { store, clock } = await openStore(t, undefined, () => disk)
  await store.accept(message())
  disk.bavail = 499
  t.equal(await store.accept(message()), 'accepted', 'the disk is looked at once a second')
  clock.advance(second)
  const refusal = await store.accept(message()).catch(error => error)
  t.match(refusal, { code: 'STORE_UNAVAILABLE', cause: { message: 'the disk is nearly full' } })
  t.equal((await store.ready().catch(error => error)).code, 'STORE_UNAVAILABLE')
  t.equal((await store.inspect()).find(fact => fact.name === 'free space')?.ok, false)
  const { lease, execution } = (await claim(store))!
  const end = { ...done, frames: [step(execution)], takeNext: false }
  t.equal((await store.finish(lease, execution.id, end)).ended, true)
  disk.bavail = 500
  clock.advance(second)
  t.equal(await store.accept(message()), 'accepted')
  const terabyte = { bavail: 200_000, blocks: 244_140_625, bsize: 4_096 }
  Object.assign(disk, terabyte)
  clock.advance(second)
  await store.ready()
})

t.test('what was purged is in no file of the store any more', async t => {
  const dir = t.testdir()
  const { store, clock } = await openStore(t, dir)
  await store.accept(message({ id: 'kept' }))
  const { lease, execution } = (await claim(store))!
  const frame = { ...step(execution), data: { words: 'the planted words' } } as unknown as Frame
  const blob = { bytes: Buffer.from('the planted sound '.repeat(2_000)), purgeAt: clock.now() + hour }
  const end = { state: 'done', frames: [frame], extras: { blob }, takeNext: false, purgeAt: clock.now() + day } as const
  await store.finish(lease, 'kept', end)
  const found = () =>
    ['knomly.sqlite', 'knomly.sqlite-wal'].some(name => readFileSync(join(dir, name)).includes('the planted'))
  t.equal(found(), true)
  clock.advance(2 * day)
  t.match(await store.sweep(), { blobs: 1, purged: 1 })
  t.equal(found(), false)
})

t.test('a long backlog is swept in turns, to its far end', async t => {
  const { store, clock, forgetRing } = await openStore(t)
  for (let i = 0; i < 2_500; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, k) => store.accept(message({ lane: `lane-${i + k}` }))))
    clock.advance(1)
  }
  await forgetRing('lane-2400')
  clock.advance(leaseMs * 4)
  let rung = 0
  for (let pass = 0; pass < 5; pass++) rung += (await store.sweep()).rung
  t.equal(rung, 1)
})

t.test('what was due stays due when the clock is set back', async t => {
  const { store, clock } = await openStore(t)
  await store.accept(message({ lane: 'backing-off' }))
  await store.release((await claim(store))!.lease, clock.now() + hour)
  t.equal(await claim(store), null)
  await store.accept(message({ lane: 'ready' }))
  clock.advance(-hour)
  t.equal((await claim(store))?.lease.lane, 'ready')
  t.equal(await claim(store), null)
})

/** A store on a real file system of a few MiB, where this process may mount one. Its clock stands still, so free space is measured once, early: it is SQLite that meets the end. */
async function openOnFullDisk(t: Test) {
  const mountPoint = mkdtempSync(join(tmpdir(), 'knomly-'))
  t.teardown(() => rmSync(mountPoint, { recursive: true }))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mountPoint]).status !== 0) return null
  t.teardown(() => spawnSync('umount', ['-l', mountPoint]))
  const dir = join(mountPoint, 'data')
  const ballast = join(mountPoint, 'ballast')
  const { store } = await openStore(t, dir)
  await store.ready()
  writeFileSync(ballast, Buffer.alloc(3 * 1024 ** 2))
  return { store, dir, makeRoom: () => rmSync(ballast) }
}
