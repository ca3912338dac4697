import type { Execution, State } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'
import type { Audited, AuditPage, AuditQuery, AuditRecord } from './audit.ts'
import type { AuditHead } from './audit-block.ts'
import type { ConversationSummary, Depth, Swept } from './summaries.ts'

/** A message to keep: its first frame and, where it is refused at the door, the frame that says so. */
export interface Acceptance {
  readonly id: string
  readonly lane: string
  readonly tenant: string
  readonly principal: string
  readonly frames: readonly Frame[]
  /** `queued` goes to a worker; an end state is kept and never worked. */
  readonly state: 'queued' | 'refused' | 'done'
  /** What is told of it: outcomes alone, because nothing was done yet. */
  readonly audit?: readonly AuditRecord[]
}

/** The right to work on one lane until the lease ends. `fence` grows with every claim of the lane. */
export interface Lease {
  readonly lane: string
  readonly tenant: string
  readonly token: string
  readonly fence: number
}

/** A lane taken, with the execution at its head. */
export interface Claim {
  readonly lease: Lease
  readonly execution: Execution
}

/** What goes into the store in the same step as a frame. */
export interface Extras {
  /** Names by which the execution is found later: ids of sends, SIDs. A name belongs to the first execution that takes it. */
  readonly refs?: readonly string[]
  /** Bytes too big for a frame, kept as `<execution>:<n>` of the first frame written with them, until `purgeAt` (ms). */
  readonly blob?: { readonly bytes: Uint8Array; readonly purgeAt: number }
  readonly audit?: Audited
}

/** A question to a person, as the store needs to see it: the rest of it stands in the frames. */
export interface Approval {
  readonly id: string
  readonly hash: string
  readonly state: string
  /** When it expires, ms since the epoch. */
  readonly expiresAt: number
}

/** A small document of a tool or a policy. `version` starts at 1 and grows with every write. */
export interface StoreRecord {
  readonly tenant: string
  readonly user: string
  readonly kind: string
  readonly id: string
  readonly version: number
  readonly data: unknown
}
export type RecordKey = Pick<StoreRecord, 'tenant' | 'user' | 'kind' | 'id'>

/**
 * Where executions live. Every adapter keeps these promises (durability.md 0 and 2.3), and `test/store/contract.ts` checks them.
 * A write that resolves is durable. A write that rejects with STORE_UNAVAILABLE was kept whole or not at all. `false` or `null`
 * from a write means that its condition no longer held, and nothing was written.
 */
export interface Store {
  /** Keeps a message once: the id is the dedupe key. The lane is rung, so that a worker looks at it. */
  accept(message: Acceptance): Promise<'accepted' | 'duplicate'>

  /**
   * Takes the lane that has been due longest among `tenants` and its oldest open execution, which becomes `running` and whose
   * `claims` grows by one. Null when nothing is due.
   */
  claim(options: { tenants: readonly string[]; owner: string; leaseMs: number }): Promise<Claim | null>

  /** Makes the lease last `leaseMs` from now; false when it is no longer ours: stop at once. */
  heartbeat(lease: Lease, leaseMs: number): Promise<boolean>

  /** Adds frames to the running execution, if it still carries the token and has exactly the frames before them. Resets `claims`. */
  append(lease: Lease, execution: string, frames: readonly Frame[], extras?: Extras): Promise<boolean>

  /** Adds one note on `{id, n}` alone: token, state and lane stay as they are. */
  note(execution: string, frame: Frame, extras?: Pick<Extras, 'refs'>): Promise<boolean>

  /**
   * Ends an execution under the conditions of `append`. With `takeNext` the lane's next open execution is taken under the same
   * lease; otherwise, or when there is none, the lane is let go (due at once if messages wait).
   */
  finish(
    lease: Lease,
    execution: string,
    end: { state: State; frames: readonly Frame[]; extras?: Extras; takeNext: boolean; purgeAt: number | null }
  ): Promise<{ ended: boolean; next: Execution | null }>

  /** Parks an execution until its person decides or `timerAt` (ms) passes, and lets the lane go on as `finish` does. */
  park(
    lease: Lease,
    execution: string,
    parking: { frames: readonly Frame[]; approval: Approval; timerAt: number; takeNext: boolean; extras?: Extras }
  ): Promise<{ ended: boolean; next: Execution | null }>

  /**
   * Decides a parked execution once: writes the frame, moves the approval from `pending` to `state`, queues it again at the end of
   * its lane and rings. `audit` holds outcomes.
   */
  decide(
    execution: string,
    frame: Frame,
    approval: { id: string; state: string },
    audit?: readonly AuditRecord[]
  ): Promise<boolean>

  /** Lets go of a lane before its work is done: due at `wakeAt` (ms), or at once. Takes back the claim that was counted. */
  release(lease: Lease, wakeAt?: number): Promise<boolean>

  /**
   * Takes back one claim of an execution that still has `n` frames, for a holder that lost its lease and lives: claims are to count those
   * who died at the work.
   */
  unclaim(execution: string, n: number): Promise<void>

  /** Sends an ended execution back to work at the end of its lane, on `{id, n}` and an end state. `audit` holds outcomes. */
  reopen(execution: string, frame: Frame, audit?: readonly AuditRecord[]): Promise<boolean>

  /**
   * Ends an execution that nobody works on, queued or parked, as `cancelled` and to be purged at `purgeAt` (ms), on the position of the
   * frames, of which there may be none.
   */
  cancel(
    execution: string,
    frames: readonly Frame[],
    options: { purgeAt: number; audit?: readonly AuditRecord[] }
  ): Promise<boolean>

  /** Keeps what is told of acts that belong to no execution. */
  audit(records: readonly AuditRecord[]): Promise<void>

  /** Throws QUERY_INVALID for an `after` that no page gave. */
  auditPage(query: AuditQuery): Promise<AuditPage>

  /**
   * Links audit records that are in no block into blocks, a chain for each tenant; answers how many. Several may do it at once: a
   * chain has one block of a number, and a record is in one block.
   */
  seal(): Promise<number>

  /** The newest block of each tenant. */
  auditHeads(): Promise<AuditHead[]>

  /** Parked executions whose timer has passed, oldest first. */
  due(limit: number): Promise<Execution[]>

  /**
   * Rings lanes with forgotten work, deletes blobs past their time, purges executions past theirs (a tombstone stays, and so do their
   * audit records) and deletes audit records past theirs, a block as a whole: its root stays.
   */
  sweep(): Promise<Swept>

  /** Overwrites what was replaced or deleted wherever this store keeps copies of its own. Throws STORE_UNAVAILABLE where a visitor still reads one. */
  scrub(): Promise<void>

  /** One execution with its frames; a purged one has none. */
  read(execution: string): Promise<Execution | null>

  /** The execution that took a name, or null. */
  find(ref: string): Promise<string | null>

  /** The executions of a lane accepted before `before` (an id of that lane), newest first. */
  earlier(lane: string, before: string, limit: number): Promise<Execution[]>

  /** When the newest message of a lane was accepted, ms since the epoch, or null. */
  lastInbound(lane: string): Promise<number | null>

  /** The executions of a lane that have not ended, oldest first: at work, waiting for it, or waiting for their person. */
  unsettled(lane: string): Promise<Execution[]>

  /**
   * Executions in which a person was asked something, newest first; with `pending` those alone that wait for the answer. `after` is
   * the opaque `next` of the page before. Throws QUERY_INVALID for an `after` that no page gave.
   */
  questions(query: {
    tenants: readonly string[]
    pending: boolean
    after?: string | undefined
    limit: number
  }): Promise<{ executions: Execution[]; next: string | null }>

  /** The bytes kept under `<execution>:<n>`, or null once they were swept. */
  blob(id: string): Promise<Uint8Array | null>

  /** One record, or null. */
  record(key: RecordKey): Promise<StoreRecord | null>

  /** Records of one user and kind by id, after the id `after`. */
  records(
    of: Pick<RecordKey, 'tenant' | 'user' | 'kind'>,
    page: { after?: string; limit: number }
  ): Promise<StoreRecord[]>

  /** Records of a tenant, or of one user of it, of every kind: by user, kind and id, from behind `after`. */
  recordsUnder(
    of: { tenant: string; user?: string },
    page: { after?: Pick<RecordKey, 'user' | 'kind' | 'id'>; limit: number }
  ): Promise<StoreRecord[]>

  /** Writes a record if its version is `expected` (0: it must not exist); null data deletes it. */
  putRecord(key: RecordKey, data: unknown, expected: number): Promise<boolean>

  /** Counts one use of `key` in a fixed window; `count` is how many there were in it, this one included. */
  take(key: string, windowMs: number): Promise<{ count: number; resetMs: number }>

  /**
   * Says that `by` uses `amount` of `key` in a fixed window, and answers the sum of what all have said in it. Said again it counts
   * once, and said differently it counts as it was said last (of the newest thousand; who spoke before those counts anew). Counted at
   * once and kept a little later: a crash may forget the last moments. Keys that are alike up to their last colon are looked up together.
   */
  spend(key: string, windowMs: number, by: string, amount: number): Promise<{ total: number }>

  /** Conversations by their newest message, newest first; `after` is the opaque `next` of the page before. */
  conversations(page: {
    after?: string
    limit: number
  }): Promise<{ conversations: ConversationSummary[]; next: string | null }>

  /** One conversation with its newest `limit` executions, oldest of them first, or null. */
  conversation(lane: string, limit: number): Promise<ConversationSummary | null>

  /** How much waits. */
  depth(): Promise<Depth>

  /** Calls `listener` soon after a lane becomes due; a hint only, polling stays the floor. Returns the way to stop. */
  onRing(listener: () => void): () => void

  /** Proves that a write can be committed; rejects with STORE_UNAVAILABLE. */
  ready(): Promise<void>

  /** What `doctor` shows: named facts and whether each is as it should be. */
  inspect(): Promise<{ name: string; ok: boolean; detail: string }[]>

  /** Commits what is under way and closes. */
  close(): Promise<void>
}
