import type { DatabaseSync } from 'node:sqlite'
import type { AuditPage, AuditQuery, AuditRecord, ShownRecord } from '../audit.ts'
import { idsOf, pageOf, select, spanOf } from '../audit-page.ts'
import { prepareAll } from './statements.ts'

const told = 'id, tenant, at, actor, action, execution, outcome, detail, hash'
/** A record bears the number of the block that is to come until that is made. */
const sealedIn = 'iif(block <= (SELECT max(n) FROM audit_blocks b WHERE b.tenant = audit.tenant), block, NULL)'
const columns = `${told}, ${sealedIn} AS block`

/** Looks up audit records. A tenant's are read in order from an index that fits what is named; those of one execution by their ids. */
export function createAudit(db: DatabaseSync) {
  const statements = prepareAll(db, {
    tenant: inOrder(),
    actor: inOrder('actor'),
    action: inOrder('action'),
    both: inOrder('actor', 'action'),
    execution: `SELECT ${columns} FROM audit WHERE id >= ? AND id < ? AND execution = ?`
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
    `INSERT INTO audit (${told}, block)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, (SELECT coalesce(max(n), 0) + 1 FROM audit_blocks WHERE tenant = ?2))
     ON CONFLICT (id) DO NOTHING`
  )
  const tell = (records: readonly AuditRecord[]): void => {
    for (const { id, tenant, at, actor, action, execution, outcome, detail, hash } of records) {
      insert.run(id, tenant, Date.parse(at), actor, action, execution, outcome, JSON.stringify(detail), hash)
    }
  }
  return {
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
  return `
    SELECT ${columns} FROM audit
    WHERE ${conditions} AND at >= :from AND (at, id) < (:beforeAt, :beforeId)
    ORDER BY at DESC, id DESC LIMIT :limit`
}

function parse(row: Record<string, unknown>): ShownRecord {
  const { at, detail, block, ...rest } = row as unknown as Omit<AuditRecord, keyof Row> & Row
  const record = { ...rest, at: new Date(at).toISOString(), detail: JSON.parse(detail) }
  return block === null ? record : { ...record, block }
}

type Row = { at: number; detail: string; block: number | null }
