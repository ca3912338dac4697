import type { Filter, Sort } from 'mongodb'
import type { AuditPage, AuditQuery, ShownRecord } from '../audit.ts'
import { idsOf, pageOf, select, spanOf } from '../audit-page.ts'
import type { AuditDoc, Collections } from './collections.ts'

/** Looks up audit records: in order from the index that fits what is named, or those of one execution by their ids. */
export function createAudit(audit: Collections['audit']) {
  async function ofExecution(execution: string): Promise<ShownRecord[]> {
    const [from, before] = idsOf(execution)
    return (await audit.find({ _id: { $gte: from, $lt: before }, execution }).toArray()).map(toRecord)
  }

  const inOrder = async (filter: Filter<AuditDoc>, sort: Sort, query: AuditQuery, limit: number) => {
    const found = audit.find({ ...namedIn(query), ...filter }).hint(indexFor(query))
    return (await found.sort(sort).limit(limit).toArray()).map(toRecord)
  }

  /** First what is left of the instant where the page before ended, then what is older: asked for at once, the planner would read both from their ends. */
  async function older(query: AuditQuery, limit: number): Promise<ShownRecord[]> {
    const { from, before } = spanOf(query)
    const [since, at] = [new Date(from), new Date(before.at)]
    const isWithin = before.id !== '' && from <= before.at
    const rest = isWithin ? await inOrder({ at, _id: { $lt: before.id } }, { _id: -1 }, query, limit) : []
    if (rest.length === limit) return rest
    const past = { at: { $gte: since, $lt: at } }
    return [...rest, ...(await inOrder(past, { at: -1, _id: -1 }, query, limit - rest.length))]
  }

  return {
    /** Throws QUERY_INVALID for an `after` that no page gave. */
    async page(query: AuditQuery): Promise<AuditPage> {
      const { execution, limit } = query
      return pageOf(
        execution === undefined ? await older(query, limit + 1) : select(await ofExecution(execution), query),
        limit
      )
    }
  }
}

function namedIn({ tenants, actor, action }: AuditQuery): Filter<AuditDoc> {
  return {
    tenant: { $in: [...tenants] },
    ...(actor !== undefined && { actor }),
    ...(action !== undefined && { action })
  }
}

/** The planner would have to try the indexes out. */
function indexFor({ actor, action }: AuditQuery): string {
  if (actor === undefined) return action === undefined ? 'at' : 'action'
  return action === undefined ? 'actor' : 'both'
}

function toRecord({ _id, at, detail, unsealed: _, ...rest }: AuditDoc): ShownRecord {
  return { id: _id, at: at.toISOString(), detail: JSON.parse(detail), ...rest }
}
