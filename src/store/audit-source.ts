import type { AuditBlock, AuditHead } from './audit-block.ts'
import type { Owner } from './sealing.ts'
import type { AuditEntry, ExecutionEntry } from './transfer.ts'

/** A record's claim of the block it is in; null for none. */
export type AuditMark = Pick<AuditEntry, 'id' | 'tenant' | 'at' | 'block'>

/** Where an execution stands. `at` is the hash of the frame at the position that was asked for; null where there is no such frame. */
export interface Standing {
  readonly id: string
  readonly n: number
  readonly hash: string
  readonly purged: boolean
  readonly at: string | null
}

/** The frames of an execution, as they are kept. */
export type FrameChain = Pick<ExecutionEntry, 'id' | 'tenant' | 'lane' | 'frames' | 'n' | 'hash' | 'purged'>

/** The audit of a store and what it tells of, read beside whoever works on it. Nothing is written. Everything rejects with STORE_UNAVAILABLE. */
export interface AuditSource {
  /** Whose blocks or records there are. */
  tenants(): Promise<string[]>
  /** The newest block of each. */
  heads(): Promise<AuditHead[]>
  /** The blocks of a tenant in their order, from block `from` on. */
  blocks(tenant: string, from: number): AsyncIterable<AuditBlock>
  /** Those records of these ids that are there. */
  records(ids: readonly string[]): Promise<AuditEntry[]>
  /** What every record claims. */
  marks(): AsyncIterable<AuditMark>
  /** Those of these executions that are there. */
  standings(asked: readonly { readonly id: string; readonly n: number }[]): Promise<Standing[]>
  /** All executions. */
  executions(): AsyncIterable<FrameChain>
  /** The wrapped keys of a user's content as they are kept, by id: the data of their records. */
  contentKeys(owner: Owner): Promise<{ id: string; data: unknown }[]>
  /** The audit key as it is kept, or null. */
  key(): Promise<unknown>
  close(): Promise<void>
}
