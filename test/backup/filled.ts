import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { record } from '../../src/audit/record.ts'
import type { StoreConfig } from '../../src/config/store.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { AuditRecord } from '../../src/store/audit.ts'
import type { Store } from '../../src/store/store.ts'
import type { Entry } from '../../src/store/transfer.ts'
import { openSource } from '../../src/transfer.ts'
import { openIndexKey } from '../../src/vault/index-key.ts'
import { createMasterKeys } from '../../src/vault/master-keys.ts'
import { message, step, told } from '../store/builders.ts'
import { claim, day, done, hour, parked } from '../store/contract/moves.ts'
import type { OpenedStore } from '../store/contract.ts'
import { openMongo, uriOf } from '../store/open-mongodb.ts'
import { openStore } from '../store/open-sqlite.ts'

export const masterKey = randomBytes(32)
export const masterKeys = createMasterKeys(masterKey, undefined, systemEntropy)
export type Kind = 'SQLite' | 'MongoDB'

/** Where a store is, before it is opened or made. */
export interface Place extends StoreConfig {
  open(): Promise<OpenedStore>
}

/** An empty folder that goes with the test. */
export function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-backup-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A place for a store of a kind, which goes with the test. */
export function placeOf(t: Test, kind: Kind): Place {
  const config = { masterKey, masterKeyNext: undefined, contentMs: 30 * day }
  const dataDir = join(folder(t), 'data')
  if (kind === 'SQLite') return { ...config, databaseUri: undefined, dataDir, open: () => openStore(t, dataDir) }
  const database = `backup-${randomUUID()}`
  return { ...config, databaseUri: uriOf(database), dataDir, open: () => openMongo(t, { database }) }
}

export const reconcilerMark = { tenant: 'tenant-1', user: 'server', kind: 'reconciler', id: 'mark' }
export const optOut = { tenant: 'tenant-1', user: 'principal-1', kind: 'person', id: 'self' }
export const words = 'a line\u2028separator, a quote " and 10 € 🎙'

/** A store in which every kind of thing stands that a store can hold. */
export async function fill({ store, clock }: OpenedStore) {
  const purged = await endedWith(store, { lane: 'lane-e' }, clock.now() - hour)
  await store.sweep()
  const answered = await endedWith(store, { lane: 'lane-a' })
  const { first: asking, second: running, approval } = await parked({ store, clock }, 'lane-b')
  const again = await endedWith(store, { lane: 'lane-c' }, null, 'dead')
  const waiting = message({ lane: 'lane-c' })
  await store.accept(waiting)
  await store.reopen(again, step((await store.read(again))!))
  const refused = message({ lane: 'lane-d', state: 'refused' })
  await store.accept(refused)
  const next = message({ lane: 'lane-a' })
  await store.accept(next)
  await store.putRecord(optOut, { closedAt: '2026-01-01T00:00:00.000Z' }, 0)
  await store.putRecord(reconcilerMark, { startedAt: 1, reachedAt: 2, freeAt: 3 }, 0)
  for (let i = 0; i < 120; i++) {
    await store.putRecord({ tenant: 'tenant-1', user: `user-${i % 7}`, kind: 'task', id: `task-${i}` }, { words, i }, 0)
  }
  await store.audit([1, 2, 3].map(second => auditRecord({ at: `2026-01-01T00:00:0${second}.000Z` })))
  await store.seal()
  await store.audit([auditRecord({ actor: 'principal-2' }), auditRecord({ tenant: 'server', execution: null })])
  await makeKey(store)
  return { purged, answered, asking, running, again, waiting: waiting.id, refused: refused.id, next: next.id, approval }
}

/** What may be told, with its hash: of one instant unless told otherwise. */
export function auditRecord(change: Partial<AuditRecord> = {}): AuditRecord {
  const { hash: _, ...said } = told({ detail: { tool: null, ms: 1.5, $known: true, 'a.b': words }, ...change })
  return record(said)
}

/** The key that names people, wrapped by the master key. */
export async function makeKey(store: Store): Promise<void> {
  const key = { tenant: 'server', user: 'server', kind: 'key', id: 'index' }
  const kept = {
    read: async () => null,
    write: (wrapped: string) => store.putRecord(key, wrapped, 0)
  }
  await openIndexKey(masterKeys, kept, systemEntropy)
}

/** A message that was worked to its end, with a name and bytes of its own. */
async function endedWith(
  store: Store,
  where: { lane: string },
  purgeAt: number | null = null,
  state: 'done' | 'dead' = 'done'
): Promise<string> {
  const { id } = message(where)
  await store.accept(message({ ...where, id }))
  const { lease, execution } = (await claim(store))!
  const blob = { bytes: Buffer.from(`bytes of ${id}`), purgeAt: Date.now() + 3_650 * day }
  await store.append(lease, id, [step(execution)], { refs: [`ref of ${id}`], blob })
  const frames = [step((await store.read(id))!)]
  const of = (outcome: string | null, what: string) => auditRecord({ id: `${id}:2:${what}`, execution: id, outcome })
  const extras = { audit: { intents: [of(null, 'intent')], outcomes: [of('done', 'outcome')] } }
  await store.finish(lease, id, { ...done, state, frames, purgeAt, extras, takeNext: false })
  return id
}

/** All entries of a store. */
export async function entriesOf(place: StoreConfig): Promise<Entry[]> {
  const source = await openSource(place)
  const entries = await Array.fromAsync(source.entries())
  await source.close()
  return entries
}
