import { isDeepStrictEqual } from 'node:util'
import type { State } from '../frames/execution.ts'
import type { AuditRecord } from '../store/audit.ts'
import { toAuditEntry } from '../store/audit-entry.ts'
import type { Entry, ErasedLine, RecordEntry, StoreTarget } from '../store/transfer.ts'
import { type BringBack, bringBack, isUnended } from './bring-back.ts'
import { withoutErased } from './erased.ts'
import { flawIn } from './flaw.ts'
import type { End, Flaw, Header } from './format.ts'
import { keysOf, readKeys } from './keys.ts'
import { altered } from './lines.ts'
import { readBackup } from './read-backup.ts'

const batchEntries = 200
const batchBytes = 4 * 1024 * 1024

/** A backup that was read to its end and found whole, with its keys. */
export interface Verified {
  readonly file: string
  readonly header: Header
  readonly end: End
  readonly keys: readonly RecordEntry[]
}

/**
 * Reads a backup and its keys to the end. `opens` says whether the master key opens an index key, as it is kept. Rejects with an
 * Error that says what is wrong with them.
 */
export async function verifyBackup(file: string, opens: (wrapped: string) => boolean): Promise<Verified> {
  let header: Header | undefined
  let end: End | undefined
  const flawed: Flaw[] = []
  for await (const line of readBackup(file)) {
    if (line.type === 'header') header = line
    else if (line.type === 'end') end = line
    else {
      const flaw = flawIn(line)
      if (flaw !== null) flawed.push(flaw)
    }
  }
  // What was broken in the store already is named at its end, in the same order.
  if (header === undefined || end === undefined || !isDeepStrictEqual(flawed, end.flawed)) throw altered(file)
  const keys = await readKeys(keysOf(file), { backup: header.backup, count: end.counts.key })
  if (!keys.filter(({ id }) => id === 'index').every(({ data }) => opens(data))) {
    throw new Error(
      `The master key does not open ${keysOf(file)}: use the MASTER_KEY (or DATA_DIR/master.key) of the store that was backed up.`
    )
  }
  return { file, header, end, keys }
}

/** How a store is filled. `onUnended` hears of each execution that had not come to an end, and its state by then. */
export interface RestoreOptions extends BringBack {
  readonly onUnended: (id: string, state: State) => void
  /** Whose keys were destroyed since: they do not come back. */
  readonly erased: readonly ErasedLine[]
  /** What is told of the restore itself, in the restored store. */
  readonly told: AuditRecord
}

/**
 * Fills an empty store from a backup. A restore that was cut off is repeated by doing it again. Rejects with an Error that says what
 * to do where the store is not empty.
 */
export async function restoreBackup(
  { file, header, keys }: Verified,
  target: StoreTarget,
  { onUnended, told, erased, ...how }: RestoreOptions
): Promise<void> {
  const obstacle = await target.begin(how.resume ? `${header.backup} --resume` : header.backup)
  if (obstacle !== null) throw new Error(obstacles[obstacle])
  // First, so that no server makes others meanwhile.
  await target.put(withoutErased(keys, erased))
  for await (const batch of batches(file, header, onUnended)) {
    await target.put(batch.flatMap(entry => bringBack(entry, how) ?? []))
  }
  await target.put([toAuditEntry(told)])
  await target.end()
}

const obstacles = {
  occupied: 'The store is not empty: restore into a new one (an empty DATA_DIR, or another database in MONGODB_URI).',
  'begun otherwise':
    'Another restore into this store was begun and not ended: run that one again (the same file, with or without --resume as ' +
    'before), or restore into a new store.'
} as const

async function* batches(
  file: string,
  { backup }: Header,
  onUnended: (id: string, state: State) => void
): AsyncGenerator<Entry[]> {
  let batch: Entry[] = []
  let bytes = 0
  for await (const line of readBackup(file)) {
    if (line.type === 'header' && line.backup !== backup) throw altered(file)
    if (line.type === 'header' || line.type === 'end') continue
    if (line.type === 'execution' && isUnended(line)) onUnended(line.id, line.state)
    batch.push(line)
    bytes += sizeOf(line)
    if (batch.length < batchEntries && bytes < batchBytes) continue
    yield batch
    batch = []
    bytes = 0
  }
  yield batch
}

function sizeOf(entry: Entry): number {
  switch (entry.type) {
    case 'execution':
      return entry.frames.reduce((sum, frame) => sum + frame.length, 0)
    case 'blob':
      return entry.bytes.length
    case 'block':
      return entry.content?.length ?? 0
    case 'audit':
      return entry.detail.length
    case 'record':
      return entry.data.length
  }
}
