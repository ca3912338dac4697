import type { Execution } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'

/** One thing that was done or refused, for good. Its id is derived from what it tells of, so that telling it again changes nothing. */
export interface AuditRecord {
  readonly id: string
  readonly tenant: string
  /** ISO 8601. */
  readonly at: string
  /** A principal's pseudonym, `operator` or `server`. */
  readonly actor: string
  readonly action: string
  readonly execution: string | null
  /** Null for an intent. */
  readonly outcome: string | null
  readonly detail: Readonly<Record<string, string | number | boolean | null>>
  /** SHA-256 (hex) of the canonical JSON of everything above. */
  readonly hash: string
}

/**
 * What is told of frames. Intents are kept before the frames they come with, and where they cannot be kept nothing is written.
 * Outcomes are kept if the frames are, whatever is killed; they may be seen a moment later.
 */
export interface Audited {
  readonly intents: readonly AuditRecord[]
  readonly outcomes: readonly AuditRecord[]
}

/** Makes the records of frames that are about to follow those of an execution. */
export type AuditOf = (
  execution: Pick<Execution, 'id' | 'tenant' | 'principal' | 'frames'>,
  frames: readonly Frame[]
) => Audited

/** Which audit records are asked for: those with `from` ≤ `at` < `to` (ISO 8601) that fit everything named. `after` is the opaque `next` of the page before. */
export interface AuditQuery {
  readonly tenants: readonly string[]
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly execution?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly after?: string | undefined
  readonly limit: number
}

/** A record as it is shown: with the number of the block that it is sealed in, once it is. */
export interface ShownRecord extends AuditRecord {
  readonly block?: number
}

/** Audit records, newest first; among those of one instant, by id. */
export interface AuditPage {
  readonly records: readonly ShownRecord[]
  readonly next: string | null
}
