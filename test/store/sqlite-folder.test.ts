import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { openSqliteSource } from '../../src/store/sqlite/dump.ts'
import { message, step, told } from './builders.ts'
import { claim, hour } from './contract/moves.ts'
import { change, idsIn, openStore } from './open-sqlite.ts'

t.test('one process holds a folder; what it acknowledged is there after kill -9', async t => {
  const dir = t.testdir()
  const child = spawn(process.execPath, [join(import.meta.dirname, 'accept-forever.ts'), dir], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const acknowledged: string[] = []
  let refusal: unknown
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') refusal = await openStore(t, dir).catch(error => error)
    else acknowledged.push(line)
    if (acknowledged.length === 500) child.kill('SIGKILL')
  }
  await exited(child)
  t.match(refusal, { message: /Another process holds this DATA_DIR .* Stop that process/ })
  t.equal(child.signalCode, 'SIGKILL')
  t.ok(acknowledged.length >= 500)

  const { store } = await openStore(t, dir)
  const kept = new Set(idsIn(dir))
  t.strictSame(
    acknowledged.filter(id => !kept.has(id)),
    []
  )
  t.equal((await store.inspect()).find(fact => fact.name === 'integrity')?.ok, true)
})

t.test('a second opening in the same process is refused and does not loosen the lock', async t => {
  const dir = t.testdir()
  const { store } = await openStore(t, dir)
  for (let i = 0; i < 2; i++) t.match(await openStore(t, dir).catch(error => error), { message: /Another process/ })
  const script = `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(join(dir, 'lock.sqlite'))}).exec('BEGIN EXCLUSIVE')`
  t.equal(spawnSync(process.execPath, ['-e', script], { stdio: 'ignore' }).status, 1, 'nor for another process')
  await store.close()
  t.ok(await openStore(t, dir), 'a closed store gives the folder back')
})

t.test('leases are void at open, backoffs are not', async t => {
  const dir = t.testdir()
  const first = await openStore(t, dir)
  for (const lane of ['backing-off', 'leased']) await first.store.accept(message({ lane }))
  await first.store.release((await claim(first.store))!.lease, first.clock.now() + hour)
  const { lease, execution } = (await claim(first.store))!
  await first.store.close()

  const { store } = await openStore(t, dir)
  t.match(await store.depth(), { queued: 2, running: 0 })
  t.equal(await store.append(lease, execution.id, [step(execution)]), false)
  const again = (await claim(store))!
  t.equal(again.execution.id, execution.id)
  t.equal(again.execution.claims, 2, 'the death was counted')
  t.equal(again.lease.fence, lease.fence + 1)
  t.equal(await claim(store), null)
})

t.test('another schema version is named and left as it is', async t => {
  const dir = t.testdir()
  await (await openStore(t, dir)).store.close()
  const path = join(dir, 'knomly.sqlite')
  for (const version of [0, 1, 99]) {
    change(dir, `PRAGMA user_version = ${version}`)
    const before = readFileSync(path)
    const refusal = await openStore(t, dir).catch(error => error)
    t.match(refusal, { message: new RegExp(`schema version ${version}, and this build .* reads version 5`) })
    t.ok(before.equals(readFileSync(path)))
  }
  change(dir, 'PRAGMA user_version = 5')
  t.ok(await openStore(t, dir))
})

t.test('a folder of version 2 is brought to the present one, with what is in it', async t => {
  const dir = t.testdir()
  const { store } = await openStore(t, dir)
  const kept = message()
  await store.accept(kept)
  await store.close()
  change(
    dir,
    `DROP INDEX executions_parked; DROP INDEX executions_pending; DROP INDEX executions_asked; ${asVersion4} ${withoutBlocks}
     PRAGMA user_version = 2`
  )
  const opened = await openStore(t, dir)
  t.strictSame(
    (await opened.store.unsettled(kept.lane)).map(({ id }) => id),
    [kept.id]
  )
  t.match(
    (await opened.store.inspect()).find(({ name }) => name === 'schema'),
    { ok: true, detail: 'version 5' }
  )
})

t.test('audit records of before there were blocks are sealed', async t => {
  const dir = t.testdir()
  const { store } = await openStore(t, dir)
  await store.audit(Array.from({ length: 2_100 }, (_, i) => told({ at: new Date(i).toISOString() })))
  await store.audit([told({ tenant: 'tenant-2' })])
  await store.close()
  change(dir, `${asVersion4} ${withoutBlocks} PRAGMA user_version = 3`)
  const opened = await openStore(t, dir)
  t.equal(await opened.store.seal(), 2_101)
  t.match(await opened.store.auditHeads(), [
    { tenant: 'tenant-1', n: 9 },
    { tenant: 'tenant-2', n: 1 }
  ])
  const { records } = await opened.store.auditPage({ tenants: ['tenant-1'], limit: 101 })
  t.strictSame([...new Set(records.map(({ block }) => block))], [9, 8], 'in the order of time')
})

t.test('sealed audit records of version 4 stay in their blocks, and the others wait', async t => {
  const dir = t.testdir()
  const { store } = await openStore(t, dir)
  const at = (ms: number) => new Date(ms).toISOString()
  await store.audit([told({ at: at(1) }), told({ at: at(2) })])
  await store.seal()
  await store.audit([told({ at: at(3) }), told({ tenant: 'tenant-2', at: at(4) })])
  const page = { tenants: ['tenant-1', 'tenant-2'], limit: 10 }
  const before = await store.auditPage(page)
  await store.close()
  change(dir, `${asVersion4} PRAGMA user_version = 4`)
  t.throws(() => openSqliteSource(dir), { message: /written by an older build of Knomly: start the server once/ })
  const opened = await openStore(t, dir)
  const after = await opened.store.auditPage(page)
  t.strictSame(after, before)
  t.strictSame(
    after.records.map(({ block }) => block),
    [undefined, undefined, 1, 1]
  )
  t.equal(await opened.store.seal(), 2)
  t.match(await opened.store.auditHeads(), [
    { tenant: 'tenant-1', n: 2 },
    { tenant: 'tenant-2', n: 1 }
  ])
})

t.test('audit records that are sealed while a backup reads are in it once', async t => {
  const dir = t.testdir()
  const { store } = await openStore(t, dir)
  const records = Array.from({ length: 120 }, () => told({}))
  await store.audit(records)
  const source = openSqliteSource(dir)
  const found: string[] = []
  for await (const entry of source.entries()) {
    if (entry.type !== 'audit') continue
    if (found.length === 0) t.equal(await store.seal(), records.length)
    t.equal(entry.block, null, 'the block came after those that were read')
    found.push(entry.id)
  }
  await source.close()
  t.strictSame(found.toSorted(), records.map(({ id }) => id).toSorted())
})

/** One table for all audit records, in which those bear the number of the next block that are in none. */
const asVersion4 = `
  ALTER TABLE audit RENAME TO sealed;
  DROP INDEX audit_at; DROP INDEX audit_actor; DROP INDEX audit_action; DROP INDEX audit_both; DROP INDEX audit_block;
  CREATE TABLE audit (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    execution TEXT, outcome TEXT, detail TEXT NOT NULL, hash TEXT NOT NULL, block INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO audit SELECT * FROM sealed;
  INSERT INTO audit
  SELECT id, tenant, at, actor, action, execution, outcome, detail, hash,
    (SELECT coalesce(max(n), 0) + 1 FROM audit_blocks b WHERE b.tenant = u.tenant) FROM audit_unsealed u;
  DROP TABLE sealed; DROP TABLE audit_unsealed;
  CREATE INDEX audit_at ON audit (tenant, at, id);
  CREATE INDEX audit_actor ON audit (tenant, actor, at, id);
  CREATE INDEX audit_action ON audit (tenant, action, at, id);
  CREATE INDEX audit_both ON audit (tenant, actor, action, at, id);
  CREATE INDEX audit_block ON audit (tenant, block);`

const withoutBlocks = 'DROP INDEX audit_block; DROP TABLE audit_blocks; ALTER TABLE audit DROP COLUMN block;'

t.test('only the owner can read the folder and its files', async t => {
  const dir = join(t.testdir(), 'deep', 'data')
  const { store } = await openStore(t, dir)
  await store.accept(message())
  const modes = ['', 'knomly.sqlite', 'knomly.sqlite-wal', 'lock.sqlite'].map(
    name => statSync(join(dir, name)).mode & 0o777
  )
  t.strictSame(modes, [0o700, 0o600, 0o600, 0o600])
})

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
