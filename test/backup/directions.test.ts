import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/audit/finding.ts'
import { restoreAct } from '../../src/audit/restore-act.ts'
import { verifyStore } from '../../src/audit/verify-store.ts'
import { restoreBackup, verifyBackup } from '../../src/backup/restore.ts'
import { writeBackup } from '../../src/backup/write-backup.ts'
import { openerOf } from '../../src/frame-opener.ts'
import type { State } from '../../src/frames/execution.ts'
import type { AuditQuery, AuditRecord, ShownRecord } from '../../src/store/audit.ts'
import type { Store } from '../../src/store/store.ts'
import type { BlockEntry, Entry } from '../../src/store/transfer.ts'
import { openAudit, openSource, openTarget } from '../../src/transfer.ts'
import { opensIndexKey } from '../../src/vault/index-key.ts'
import { message, step } from '../store/builders.ts'
import { claim, day, work } from '../store/contract/moves.ts'
import { entriesOf, fill, folder, masterKeys, optOut, type Place, placeOf, reconcilerMark } from './filled.ts'

const kinds = ['SQLite', 'MongoDB'] as const

for (const from of kinds) {
  for (const to of kinds) {
    t.test(`from ${from} to ${to}`, async t => {
      await t.test('everything comes back as it was with --resume, and is worked in the same order', t =>
        goesOn(t, placeOf(t, from), placeOf(t, to))
      )
      await t.test('without it what was open is unknown and rests', t => rests(t, placeOf(t, from), placeOf(t, to)))
    })
  }
}

async function goesOn(t: Test, from: Place, to: Place): Promise<void> {
  const source = await from.open()
  const ids = await fill(source)
  const unended = await copy(t, from, to, true)
  t.strictSame(unended.toSorted(), openOnes(ids).toSorted())
  t.strictSame(inOrder(await entriesOf(to)), inOrder((await entriesOf(from)).map(asQueued)))
  await goesOnSealed(t, from, to)

  const { store, clock } = await to.open()
  await areEqual(t, source.store, store)
  t.match(await store.depth(), { queued: 4, running: 0, parked: 1 })
  const order = await work(store)
  t.ok(order.indexOf(ids.waiting) < order.indexOf(ids.again), 'what was sent back to work waits behind the others')
  t.strictSame(order.toSorted(), [ids.running, ids.waiting, ids.again, ids.next].toSorted())
  const asking = (await store.read(ids.asking))!
  t.equal(await store.decide(ids.asking, step(asking), { id: ids.approval.id, state: 'approved' }), true)
  t.equal((await claim(store))?.execution.id, ids.asking)
  clock.advance(day)
  t.strictSame(await store.due(10), [])
}

async function rests(t: Test, from: Place, to: Place): Promise<void> {
  const source = await from.open()
  const ids = await fill(source)
  const unended = await copy(t, from, to, false)
  t.strictSame(unended.toSorted(), openOnes(ids).toSorted())

  const { store } = await to.open()
  await areEqual(t, source.store, store)
  for (const id of [ids.asking, ids.running, ids.again, ids.waiting, ids.next]) {
    t.match(await store.read(id), { state: 'unknown', token: null, claims: 0 })
  }
  t.equal(await claim(store), null)
  t.match(await store.depth(), { queued: 0, running: 0, parked: 0 })
  t.equal(await store.record(reconcilerMark), null, 'what the source may have answered is not asked for')
  for (const entry of await entriesOf(to)) {
    if (entry.type === 'execution' && entry.state === 'unknown') t.type(entry.purgeAt, 'number')
  }
  const asking = (await store.read(ids.asking))!
  t.equal(await store.decide(ids.asking, step(asking), { id: ids.approval.id, state: 'approved' }), false)

  const later = message({ lane: 'lane-c' })
  t.equal(await store.accept(later), 'accepted')
  t.equal(await store.reopen(ids.waiting, step((await store.read(ids.waiting))!)), true)
  t.strictSame(await work(store), [later.id, ids.waiting])
}

/** The blocks of the source stand in the target, what was in none is in those that come next, and nothing is amiss. */
async function goesOnSealed(t: Test, from: Place, to: Place): Promise<void> {
  const [before, after] = await Promise.all([from, to].map(async place => (await entriesOf(place)).filter(isBlock)))
  t.ok(before?.length)
  for (const block of before ?? [])
    t.ok(
      after?.some(each => each.hash === block.hash),
      block.hash
    )
  const findings: Finding[] = []
  const source = await openAudit(to)
  const tell = (finding: Finding) => void findings.push(finding)
  const rules = {
    from: 1,
    files: [],
    publicKey: null,
    open: openerOf(source, masterKeys),
    expiredBefore: 0,
    now: Date.now(),
    tell
  }
  const { chains, executions } = await verifyStore(source, rules)
  await source.close()
  t.strictSame(
    findings.map(({ where }) => where),
    ['The file of heads']
  )
  t.strictSame(chains.map(({ tenant, records }) => `${tenant} ${records}`).toSorted(), ['server 2', 'tenant-1 10'])
  t.ok(executions > 5)
}

function isBlock(entry: Entry): entry is BlockEntry {
  return entry.type === 'block'
}

type Ids = Awaited<ReturnType<typeof fill>>

function openOnes(ids: Ids): string[] {
  return [
    `parked ${ids.asking}`,
    `running ${ids.running}`,
    ...[ids.again, ids.waiting, ids.next].map(id => `queued ${id}`)
  ]
}

/** Copies a store through a file; answers what had not come to an end. */
async function copy(t: Test, from: Place, to: Place, resume: boolean): Promise<string[]> {
  const file = join(folder(t), 'backup')
  const source = await openSource(from)
  const about = { backup: 'backup-1', madeAt: new Date().toISOString(), store: 'test', server: '0' }
  const { flawed } = await writeBackup({ file, force: true, source, about })
  await source.close()
  t.strictSame(flawed, [])
  const verified = await verifyBackup(file, kept => opensIndexKey(masterKeys, JSON.parse(kept)))
  const target = await openTarget(to, { now: () => Date.UTC(2026, 0, 1), monotonic: () => performance.now() })
  const unended: string[] = []
  const onUnended = (id: string, state: State) => void unended.push(`${state} ${id}`)
  const told = restoreAct({ backup: about.backup, resume, counts: verified.end.counts, now: Date.now() })
  await restoreBackup(verified, target, { resume, now: Date.now(), contentMs: day, onUnended, told, erased: [] })
  await target.close()
  return unended
}

/** What does not depend on how it came back: timelines, tombstones, names, bytes, documents, audit records and the list of conversations. */
async function areEqual(t: Test, before: Store, after: Store): Promise<void> {
  const lists = await Promise.all([before, after].map(store => store.conversations({ limit: 50 })))
  const [listBefore, listAfter] = lists.map(list =>
    list.conversations.map(({ id, executions }) => [id, executions.map(one => one.id)])
  )
  t.strictSame(listAfter, listBefore, 'conversations stand in the same order')
  for (const { id: lane, executions } of lists[0]?.conversations ?? []) {
    t.equal(await after.lastInbound(lane), await before.lastInbound(lane))
    for (const { id } of executions) {
      const [was, is] = [(await before.read(id))!, (await after.read(id))!]
      t.strictSame(is.frames, was.frames)
      t.strictSame([is.n, is.at, is.lane, is.principal], [was.n, was.at, was.lane, was.principal])
      t.equal(await hexOf(after, `${id}:2`), await hexOf(before, `${id}:2`))
      t.equal(await after.find(`ref of ${id}`), await before.find(`ref of ${id}`))
      t.equal(await after.accept(message({ id, lane })), 'duplicate')
      const earlier = await Promise.all([before, after].map(store => store.earlier(lane, id, 9)))
      t.strictSame(...(earlier.map(list => list.map(one => one.id)) as [string[], string[]]))
    }
  }
  t.strictSame(await after.record(optOut), await before.record(optOut))
  const tasks = { tenant: 'tenant-1', user: 'user-3', kind: 'task' }
  t.strictSame(await after.records(tasks, { limit: 99 }), await before.records(tasks, { limit: 99 }))
  for (const query of audited) {
    const [was, is] = [await recordsOf(before, query), await recordsOf(after, query)]
    t.ok(was.length > 0)
    t.strictSame(is.filter(notOfRestore).map(said), was.map(said), 'pages of audit records stand in the same order')
  }
  t.match(await recordsOf(after, { tenants: ['server'], action: 'store.restore' }), [{ id: 'restore:backup-1' }])
}

const audited: Omit<AuditQuery, 'limit'>[] = [
  { tenants: ['tenant-1', 'server'] },
  { tenants: ['tenant-1'], actor: 'principal-1', action: 'reply.send' },
  { tenants: ['server'] }
]

/** All audit records that fit, a small page at a time. */
async function recordsOf(store: Store, query: Omit<AuditQuery, 'limit'>): Promise<AuditRecord[]> {
  const { records, next } = await store.auditPage({ ...query, limit: 2 })
  return next === null ? [...records] : [...records, ...(await recordsOf(store, { ...query, after: next }))]
}

/** Not which block it is in. */
function said({ block: _, ...record }: ShownRecord): AuditRecord {
  return record
}

function notOfRestore({ action }: Pick<AuditRecord, 'action'>): boolean {
  return action !== 'store.restore'
}

async function hexOf(store: Store, blob: string): Promise<string | null> {
  const bytes = await store.blob(blob)
  return bytes === null ? null : Buffer.from(bytes).toString('hex')
}

/** What a store holds but for what is told of a restore; records that wait to be told come before the others, as long as they wait. */
function inOrder(entries: readonly Entry[]): unknown[] {
  const told = entries.filter(entry => entry.type === 'audit').filter(notOfRestore)
  return [
    ...entries.filter(entry => entry.type !== 'audit' && entry.type !== 'block').map(comparable),
    ...told.map(({ block: _, ...entry }) => entry).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  ]
}

/** Places in a queue are counted by each store in its own way. */
function comparable(entry: Entry): unknown {
  if (entry.type === 'blob') return { ...entry, bytes: Buffer.from(entry.bytes).toString('hex') }
  return entry.type === 'execution' ? { ...entry, order: entry.order !== null, refs: [...entry.refs] } : entry
}

function asQueued(entry: Entry): Entry {
  return entry.type === 'execution' && entry.state === 'running' ? { ...entry, state: 'queued' } : entry
}
