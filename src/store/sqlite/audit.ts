import type { DatabaseSync } from 'node:sqlite'
import type { AuditPage, AuditQuery, AuditRecord, ShownRecord } from '../audit.ts'
import { toAuditEntry } from '../audit-entry.ts'
import { idsOf, pageOf, select, spanOf } from '../audit-page.ts'
import type { AuditEntry } from '../transfer.ts'
import { told } from './schema.ts'
import { prepareAll } from './statements.ts'

/**
 * Looks up audit records. A tenant's are read in order from an index that fits what is named; those of one execution by their ids. What
 * is not sealed yet is little, and is looked through; one statement sees both, because records go from here to there.
 */
export function createAudit(db: DatabaseSync) {
  const statements = prepareAll(db, {
    tenant: inOrder(),
    actor: inOrder('actor'),
    action: inOrder('action'),
    both: inOrder('actor', 'action'),
    execution: fromBoth('WHERE id >= ?1 AND id < ?2 AND execution = ?3')
  })

  function find(query: AuditQuery): ShownRecord[] {
    const { tenants, execution, actor, action, limit } = query
    if (execution !== undefined) return statements.execution.all(...idsOf(execution), execution).map(parse)
    const { from, before } = spanOf(query)
    const named = { ...(actor !== undefined && { actor }), ...(action !== undefined && { action }) }
    const statement = statements[namedBy(query)]
    const span = { from, beforeAt: before.at, beforeId: before.id, limit: limit + 1 }
    return tenants.flatMap(tenant => statement.all({ ...span, ...named, tenant }).map(parse))
  }

  return {
    /** Throws QUERY_INVALID for an `after` that no page gave. */
    page: (query: AuditQuery): AuditPage => pageOf(select(find(query), query), query.limit)
  }
}

/** Writes audit records. One that is there already stays as it is. */
export function createAuditWriter(db: DatabaseSync) {
  const insert = db.prepare(
    `INSERT INTO audit_unsealed (${told})
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS (SELECT 1 FROM audit WHERE id = ?1)
     ON CONFLICT (id) DO NOTHING`
  )
  const put = ({ id, tenant, at, actor, action, execution, outcome, detail, hash }: AuditEntry): void => {
    insert.run(id, tenant, at, actor, action, execution, outcome, detail, hash)
  }
  const tell = (records: readonly AuditRecord[]): void => {
    for (const record of records) put(toAuditEntry(record))
  }
  return {
    put,
    tell,
    audit: (_now: number, records: readonly AuditRecord[]): void => tell(records)
  }
}

function namedBy({ actor, action }: AuditQuery): 'tenant' | 'actor' | 'action' | 'both' {
  if (actor === undefined) return action === undefined ? 'tenant' : 'action'
  return action === undefined ? 'actor' : 'both'
}

function inOrder(...named: readonly ('actor' | 'action')[]): string {
  const conditions = ['tenant', ...named].map(name => `${name} = :${name}`).join(' AND ')
  return fromBoth(`
    WHERE ${conditions} AND at >= :from AND (at, id) < (:beforeAt, :beforeId)
    ORDER BY at DESC, id DESC LIMIT :limit`)
}

function fromBoth(which: string): string {
  return `
    SELECT * FROM (SELECT ${told}, block FROM audit ${which})
    UNION ALL SELECT * FROM (SELECT ${told}, NULL FROM audit_unsealed ${which})`
}

function parse(row: Record<string, unknown>): ShownRecord {
  const { at, detail, block, ...rest } = row as unknown as Omit<AuditRecord, keyof Row> & Row
  const record = { ...rest, at: new Date(at).toISOString(), detail: JSON.parse(detail) }
  return block === null ? record : { ...record, block }
}

type Row = { at: number; detail: string; block: number | null }
