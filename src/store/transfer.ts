import type { State } from '../frames/execution.ts'
import type { AuditRecord } from './audit.ts'
import type { AuditBlock } from './audit-block.ts'
import type { Approval, RecordKey } from './store.ts'

// How everything in a store leaves it and enters another: plain data, so that it does not matter which adapter is on either side.

/** An execution with all that it owns but its bytes. Instants are ms since the epoch. */
export interface ExecutionEntry {
  readonly type: 'execution'
  readonly id: string
  readonly lane: string
  readonly tenant: string
  readonly principal: string
  readonly at: number
  readonly state: State
  /** Its place in the queue of its lane while it is queued or running: a whole number in decimal, greater for later. */
  readonly order: string | null
  readonly claims: number
  readonly n: number
  readonly hash: string
  /** Each as the very text that is kept: hashes are over what it says. None of a purged one. */
  readonly frames: readonly string[]
  readonly refs: readonly string[]
  readonly approval: Approval | null
  readonly timerAt: number | null
  readonly purgeAt: number | null
  readonly purged: boolean
}

/** Bytes of an execution, kept as `<execution>:<n>`. */
export interface BlobEntry {
  readonly type: 'blob'
  readonly execution: string
  readonly n: number
  readonly purgeAt: number
  readonly bytes: Uint8Array
}

/** A small document, its data as JSON text. */
export interface RecordEntry extends RecordKey {
  readonly type: 'record'
  readonly version: number
  readonly data: string
}

/** An audit record. Its detail is the very text that is kept, so that one that was changed in the store travels as well. */
export interface AuditEntry extends Omit<AuditRecord, 'at' | 'detail'> {
  readonly type: 'audit'
  readonly at: number
  readonly detail: string
  /** The block it is in; null where it is in none of those that came before it. */
  readonly block: number | null
}

/** A block of audit records. */
export interface BlockEntry extends AuditBlock {
  readonly type: 'block'
}

/** One thing that a store keeps. */
export type Entry = ExecutionEntry | BlobEntry | BlockEntry | AuditEntry | RecordEntry

/** A store that is read from end to end, also while servers work on it. */
export interface StoreSource {
  /**
   * Executions in the order of their arrival, each followed by its bytes, then the blocks of the audit (each chain in its order), the
   * audit records and the records. An execution is
   * seen as it was at one moment, and what was told of it by then is there; one that arrives meanwhile may be missing.
   */
  entries(): AsyncIterable<Entry>
  close(): Promise<void>
}

/** What stands in the way of a restore: the store holds something else, or a restore that was begun otherwise. */
export type Obstacle = 'occupied' | 'begun otherwise'

/** An empty store that is filled. What is put once more is left or replaced by the same, so that a restore that was cut off can be repeated. */
export interface StoreTarget {
  /** Notes that the restore of this name is under way, and answers what stands in its way, or null. Repeated, it goes on. */
  begin(restore: string): Promise<Obstacle | null>
  /** Keeps entries in their order, which is that of the source, from its first on. No execution among them is running. */
  put(entries: readonly Entry[]): Promise<void>
  /** Seals what was in no block, and notes that the restore has ended: servers may start. */
  end(): Promise<void>
  close(): Promise<void>
}

/** What an erasure leaves behind, a line of a ledger outside the store: by it a restore knows whose keys not to bring back. `at` is ISO 8601. */
export interface ErasedLine {
  readonly at: string
  readonly tenant: string
  readonly user: string
  readonly keys: readonly string[]
}

/** The record that stands while a restore is under way; its data is the name of that. No server starts on such a store. */
export const restoreMark: RecordKey = { tenant: 'server', user: 'server', kind: 'restore', id: 'under-way' }

/** The record of the key that signs the heads of the audit. */
export const auditKey: RecordKey = { tenant: 'server', user: 'server', kind: 'key', id: 'audit' }
