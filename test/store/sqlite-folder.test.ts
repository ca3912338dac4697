import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
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
    t.match(refusal, { message: new RegExp(`schema version ${version}, and this build .* reads version 4`) })
    t.ok(before.equals(readFileSync(path)))
  }
  change(dir, 'PRAGMA user_version = 4')
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
    `DROP INDEX executions_parked; DROP INDEX executions_pending; DROP INDEX executions_asked; ${withoutBlocks}
     PRAGMA user_version = 2`
  )
  const opened = await openStore(t, dir)
  t.strictSame(
    (await opened.store.unsettled(kept.lane)).map(({ id }) => id),
    [kept.id]
  )
  t.match(
    (await opened.store.inspect()).find(({ name }) => name === 'schema'),
    { ok: true, detail: 'version 4' }
  )
})

t.test('audit records of before there were blocks are sealed, a thousand a block', async t => {
  const dir = t.testdir()
  const { store } = await openStore(t, dir)
  await store.audit(Array.from({ length: 2_100 }, (_, i) => told({ at: new Date(i).toISOString() })))
  await store.audit([told({ tenant: 'tenant-2' })])
  await store.close()
  change(dir, `${withoutBlocks} PRAGMA user_version = 3`)
  const opened = await openStore(t, dir)
  t.equal(await opened.store.seal(), 2_101)
  t.match(await opened.store.auditHeads(), [
    { tenant: 'tenant-1', n: 3 },
    { tenant: 'tenant-2', n: 1 }
  ])
  const { records } = await opened.store.auditPage({ tenants: ['tenant-1'], limit: 101 })
  t.strictSame([...new Set(records.map(({ block }) => block))], [3, 2], 'in the order of time')
})

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
