import type { AuditRecord } from '../audit.ts'
import type { AuditBlock } from '../audit-block.ts'
import { toAuditEntry } from '../audit-entry.ts'
import type { AuditEntry, BlockEntry } from '../transfer.ts'
import { idsIn, tenantsIn, toBlock } from './audit-blocks.ts'
import type { AuditDoc, BlockDoc, Collections, ExecutionDoc } from './collections.ts'
import type { Reach } from './connection.ts'
import { walk } from './walk.ts'

type Waiting = Pick<ExecutionDoc, 'arrived' | 'untold'>

/** All blocks, each chain in its order. Notes in `sealed` the newest of each. */
export async function* blocksOf(
  reach: Reach,
  { audit_blocks: blocks }: Pick<Collections, 'audit_blocks'>,
  sealed: Map<string, AuditBlock>
): AsyncGenerator<BlockEntry> {
  for (const tenant of await reach(() => tenantsIn(blocks))) {
    for await (const block of chainOf(reach, blocks, tenant)) {
      sealed.set(tenant, block)
      yield { type: 'block', ...block }
    }
  }
}

/** The blocks of a tenant in their order, from block `from` on. */
export async function* chainOf(
  reach: Reach,
  blocks: Collections['audit_blocks'],
  tenant: string,
  from = 0
): AsyncGenerator<AuditBlock> {
  const docs = walk<BlockDoc>(reach, after =>
    blocks.find({ tenant, n: after === null ? { $gte: from } : { $gt: after.n } }).sort({ n: 1 })
  )
  for await (const doc of docs) yield toBlock(doc)
}

/**
 * All audit records, each once. What waits in the executions is read first: it is taken out there only after it was told, so whatever
 * is not seen waiting any more is seen among what was told. The blocks were read before both.
 */
export async function* auditOf(
  reach: Reach,
  { executions, audit }: Collections,
  sealed: ReadonlyMap<string, AuditBlock>
): AsyncGenerator<AuditEntry> {
  const waited = new Map<string, AuditRecord>()
  const waiting = walk<Waiting>(reach, after =>
    executions
      .find({ untold: { $exists: true }, ...(after !== null && { arrived: { $gt: after.arrived } }) })
      .project<Waiting>({ arrived: 1, untold: 1 })
      .hint('untold')
      .sort({ arrived: 1 })
  )
  for await (const { untold = [] } of waiting) {
    for (const record of untold.map(json => JSON.parse(json) as AuditRecord)) waited.set(record.id, record)
  }
  const blockOf = blockIn(sealed)
  const told = walk<AuditDoc>(reach, after =>
    audit.find(after === null ? {} : { _id: { $gt: after._id } }).sort({ _id: 1 })
  )
  for await (const doc of told) {
    waited.delete(doc._id)
    yield toEntry(doc, blockOf(doc))
  }
  for (const record of waited.values()) yield toAuditEntry(record)
}

/** The block of a record, among those that were read: who made the newest may have died before it marked what is in it. */
function blockIn(sealed: ReadonlyMap<string, AuditBlock>): (doc: AuditDoc) => number | null {
  const unmarked = new Map([...sealed.values()].flatMap(block => idsIn(block).map(id => [id, block.n] as const)))
  return ({ _id, tenant, block = unmarked.get(_id) }) =>
    block !== undefined && block <= (sealed.get(tenant)?.n ?? 0) ? block : null
}

/** A record as it travels. */
export function toEntry(doc: AuditDoc, block: number | null): AuditEntry {
  const { _id: id, tenant, at, actor, action, execution, outcome, detail, hash } = doc
  return { type: 'audit', id, tenant, at: at.getTime(), actor, action, execution, outcome, detail, hash, block }
}
