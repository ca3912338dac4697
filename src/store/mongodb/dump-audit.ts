import type { AuditRecord } from '../audit.ts'
import { toAuditEntry } from '../audit-entry.ts'
import type { AuditEntry } from '../transfer.ts'
import type { AuditDoc, Collections, ExecutionDoc } from './collections.ts'
import type { Reach } from './connection.ts'
import { walk } from './walk.ts'

type Waiting = Pick<ExecutionDoc, 'arrived' | 'untold'>

/**
 * All audit records, each once. What waits in the executions comes first: it is taken out there only after it was told, so whatever
 * is not seen waiting any more is seen among what was told.
 */
export async function* auditOf(reach: Reach, { executions, audit }: Collections): AsyncGenerator<AuditEntry> {
  const waited = new Set<string>()
  const waiting = walk<Waiting>(reach, after =>
    executions
      .find({ untold: { $exists: true }, ...(after !== null && { arrived: { $gt: after.arrived } }) })
      .project<Waiting>({ arrived: 1, untold: 1 })
      .hint('untold')
      .sort({ arrived: 1 })
  )
  for await (const { untold = [] } of waiting) {
    for (const record of untold.map(json => JSON.parse(json) as AuditRecord)) {
      waited.add(record.id)
      yield toAuditEntry(record)
    }
  }
  const told = walk<AuditDoc>(reach, after =>
    audit.find(after === null ? {} : { _id: { $gt: after._id } }).sort({ _id: 1 })
  )
  for await (const doc of told) if (!waited.has(doc._id)) yield toEntry(doc)
}

function toEntry(doc: AuditDoc): AuditEntry {
  const { _id: id, tenant, at, actor, action, execution, outcome, detail, hash } = doc
  return { type: 'audit', id, tenant, at: at.getTime(), actor, action, execution, outcome, detail, hash }
}
