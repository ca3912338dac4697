import type { Binary, Collection, Db, IndexDescription, Timestamp } from 'mongodb'
import type { State } from '../../frames/execution.ts'
import type { AuditBlock } from '../audit-block.ts'

/** An execution as it is kept. `_id` is the dedupe key; `open` stands only while it is queued or running. */
export interface ExecutionDoc {
  _id: string
  lane: string
  tenant: string
  principal: string
  at: Date
  /** Its place in the queue of the lane, by the server's clock: a decision or a retry moves it to the end. */
  ord: Timestamp
  /** Its place in the history of the lane: it never changes. */
  arrived: Timestamp
  open?: true
  state: State
  token?: string
  fence?: number
  claims: number
  n: number
  hash: string
  /** Each as JSON: a tool's arguments may have names that BSON does not take. */
  frames: string[]
  refs?: string[]
  approval?: { id: string; hash: string; state: string; expiresAt: Date }
  timerAt?: Date
  purgeAt?: Date
  purged?: true
  /** How often it was delivered again. */
  dups?: number
  /** Audit records, each as JSON, that are kept with the frames and not told yet; it is absent where there are none. */
  untold?: string[]
}

/** A conversation as a queue of work. `wakeAt` is when it may be taken: leased, the end of the lease; idle, absent. `bell` counts its rings. */
export interface LaneDoc {
  _id: string
  tenant: string
  bell: number
  newest: Timestamp
  wakeAt?: Date
  token?: string
  owner?: string
  fence?: number
}

/** Bytes under `<execution>:<n>`; the fence of who wrote them keeps a holder that was replaced from writing over them. */
export interface BlobDoc {
  _id: string
  execution: string
  fence: number
  bytes: Binary
  purgeAt: Date
}

/** A small document of a tool or a policy, its data as JSON. */
export interface RecordDoc {
  _id: string
  tenant: string
  user: string
  kind: string
  id: string
  version: number
  data: string
}

/** An audit record, its detail as JSON. */
export interface AuditDoc {
  _id: string
  tenant: string
  at: Date
  actor: string
  action: string
  execution: string | null
  outcome: string | null
  detail: string
  hash: string
  /** It stands until the record is in a block. */
  unsealed?: true
  /** The block it is in. */
  block?: number
}

/** A stretch of audit records; `content` is absent once retention took them away. Instants are ms, as its hash has them. */
export interface BlockDoc extends Omit<AuditBlock, 'content'> {
  _id: string
  content?: string
}

/** A counter in a fixed window. */
export interface LimitDoc {
  _id: string
  count: number
  resetAt: Date
  /** When it was last used. */
  seenAt: Date
  /** Who said how much of `count` they use, the newest last, with the sum as it stood then. */
  shares?: { by: string; amount: number; total?: number }[]
}

/** The schema that this build reads and writes, in the one document of `meta`. */
export interface MetaDoc {
  _id: 'schema' | 'probe'
  version?: number
  writes?: number
  /** Whether the audit records of before there were blocks are noted as unsealed. */
  hasBlocks?: true
}

export const schemaVersion = 1

/** The collections of the store. */
export interface Collections {
  readonly executions: Collection<ExecutionDoc>
  readonly lanes: Collection<LaneDoc>
  readonly blobs: Collection<BlobDoc>
  readonly records: Collection<RecordDoc>
  readonly audit: Collection<AuditDoc>
  readonly audit_blocks: Collection<BlockDoc>
  readonly limits: Collection<LimitDoc>
  readonly meta: Collection<MetaDoc>
}

/** Names the collections of a database; nothing is made. */
export function collectionsOf(db: Db): Collections {
  return {
    executions: db.collection('executions'),
    lanes: db.collection('lanes'),
    blobs: db.collection('blobs'),
    records: db.collection('records'),
    audit: db.collection('audit'),
    audit_blocks: db.collection('audit_blocks'),
    limits: db.collection('limits'),
    meta: db.collection('meta')
  }
}

/** Every index there is. Partial ones hold only what is under way, so that no look depends on history. */
export const indexes: Readonly<Record<Exclude<keyof Collections, 'meta'>, readonly IndexDescription[]>> = {
  executions: [
    { name: 'head', key: { lane: 1, ord: 1 }, partialFilterExpression: { open: true } },
    { name: 'history', key: { lane: 1, arrived: -1 } },
    { name: 'timer', key: { timerAt: 1 }, partialFilterExpression: { timerAt: { $exists: true } } },
    { name: 'parked', key: { lane: 1 }, partialFilterExpression: { timerAt: { $exists: true } } },
    { name: 'pending', key: { arrived: -1 }, partialFilterExpression: { timerAt: { $exists: true } } },
    { name: 'asked', key: { arrived: -1 }, partialFilterExpression: { approval: { $exists: true } } },
    { name: 'open', key: { open: 1, ord: 1, state: 1 }, partialFilterExpression: { open: true } },
    { name: 'refs', key: { refs: 1 }, partialFilterExpression: { refs: { $exists: true } } },
    { name: 'purge', key: { purgeAt: 1 }, partialFilterExpression: { purgeAt: { $exists: true } } },
    { name: 'untold', key: { arrived: 1 }, partialFilterExpression: { untold: { $exists: true } } }
  ],
  lanes: [
    { name: 'due', key: { tenant: 1, wakeAt: 1 }, partialFilterExpression: { wakeAt: { $exists: true } } },
    { name: 'newest', key: { newest: -1, _id: -1 } }
  ],
  blobs: [
    { name: 'execution', key: { execution: 1 } },
    { name: 'purge', key: { purgeAt: 1 } }
  ],
  records: [{ name: 'owner', key: { tenant: 1, user: 1, kind: 1, id: 1 } }],
  audit: [
    { name: 'at', key: { tenant: 1, at: 1, _id: 1 } },
    { name: 'actor', key: { tenant: 1, actor: 1, at: 1, _id: 1 } },
    { name: 'action', key: { tenant: 1, action: 1, at: 1, _id: 1 } },
    { name: 'both', key: { tenant: 1, actor: 1, action: 1, at: 1, _id: 1 } },
    { name: 'unsealed', key: { tenant: 1, at: 1 }, partialFilterExpression: { unsealed: true } }
  ],
  audit_blocks: [{ name: 'chain', key: { tenant: 1, n: 1 } }],
  limits: [{ name: 'reset', key: { resetAt: 1 } }]
}
