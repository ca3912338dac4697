import type { Filter } from 'mongodb'
import { idsOf, pageOf, select, spanOf } from '../audit-page.ts'
import type { AuditPage, AuditQuery, AuditRecord } from '../store.ts'
import type { AuditDoc, Collections } from './collections.ts'

/** Looks up audit records: in order from the index that fits what is named, or those of one execution by their ids. */
export function createAudit(audit: Collections['audit']) {
  async function ofExecution(execution: string): Promise<AuditRecord[]> {
    const [from, before] = idsOf(execution)
    return (await audit.find({ _id: { $gte: from, $lt: before }, execution }).toArray()).map(toRecord)
  }

  async function inOrder(query: AuditQuery): Promise<AuditRecord[]> {
    const found = audit.find(filterOf(query)).hint(indexFor(query)).sort({ at: -1, _id: -1 })
    return (await found.limit(query.limit + 1).toArray()).map(toRecord)
  }

  return {
    /** Throws QUERY_INVALID for an `after` that no page gave. */
    async page(query: AuditQuery): Promise<AuditPage> {
      const { execution, limit } = query
      return pageOf(execution === undefined ? await inOrder(query) : select(await ofExecution(execution), query), limit)
    }
  }
}

/** The conditions in the order of an index, so that no key is looked at that is not shown. */
export function filterOf(query: AuditQuery): Filter<AuditDoc> {
  const { tenants, actor, action } = query
  const { from, before } = spanOf(query)
  const at = new Date(before.at)
  return {
    tenant: { $in: [...tenants] },
    ...(actor !== undefined && { actor }),
    ...(action !== undefined && { action }),
    $or: [{ at: { $gte: new Date(from), $lt: at } }, { at, _id: { $lt: before.id } }]
  }
}

/** The planner would have to try the indexes out. */
export function indexFor({ actor, action }: AuditQuery): string {
  if (actor === undefined) return action === undefined ? 'at' : 'action'
  return action === undefined ? 'actor' : 'both'
}

function toRecord({ _id, at, detail, ...rest }: AuditDoc): AuditRecord {
  return { id: _id, at: at.toISOString(), detail: JSON.parse(detail), ...rest }
}
