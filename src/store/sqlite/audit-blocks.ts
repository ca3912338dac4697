import type { DatabaseSync } from 'node:sqlite'
import { type AuditBlock, type AuditHead, blockAfter, noBlock } from '../audit-block.ts'
import { prepareAll } from './statements.ts'
import { perChange } from './sweeper.ts'

type Sealable = { readonly id: string; readonly hash: string; readonly at: number; readonly execution: string | null }
type Standing = { readonly id: string; readonly n: number; readonly hash: string }

/**
 * Seals and expires. A record is written with the number of the block that comes next, and stays as it is: only one thread writes, so
 * the block is made, in one commit, of whatever bears its number.
 */
export function createSealer(db: DatabaseSync) {
  const statements = prepareAll(db, sql)
  const tenants = tenantsIn(db)

  function sealNext(tenant: string, now: number): number {
    const before = (statements.last.get(tenant) as AuditBlock | undefined) ?? noBlock
    const records = statements.records.all(tenant, before.n + 1) as unknown as Sealable[]
    if (records.length === 0) return 0
    const about = new Set(records.map(({ execution }) => execution).filter(id => id !== null))
    const executions = [...about].map(id => statements.execution.get(id) as Standing | undefined)
    const content = {
      records: records.map(({ id, hash }) => [id, hash] as const),
      executions: executions.filter(found => found !== undefined).map(({ id, n, hash }) => [id, n, hash] as const)
    }
    const latest = records.reduce((newest, { at }) => Math.max(newest, at), 0)
    statements.insert.run({ ...blockAfter(before, { tenant, content, latest, now }) })
    return records.length
  }

  /** Deletes so many records of the oldest block that is past its time; null where there is none. */
  function expire(tenant: string, before: number, most: number): number | null {
    const oldest = statements.oldest.get(tenant) as { n: number; until: number } | undefined
    if (oldest === undefined || oldest.until >= before) return null
    const deleted = Number(statements.deleteRecords.run(tenant, oldest.n, most).changes)
    if (deleted === most) return deleted
    // What is left of it and of those before it: the one root that the chain goes on from.
    statements.empty.run(tenant, oldest.n)
    statements.forget.run(tenant, oldest.n)
    return deleted
  }

  return {
    /** Makes the next block of each tenant that has something to seal; answers how many records went into them, and whether there are more. */
    seal(now: number): { records: number; isMore: boolean } {
      const all = tenants()
      const records = all.reduce((sum, tenant) => sum + sealNext(tenant, now), 0)
      return { records, isMore: all.some(tenant => statements.unsealed.get(tenant, tenant)?.at !== null) }
    },
    /** Deletes records whose block is older than `keptMs` as a whole, a few at a time, and what of those blocks nobody needs. */
    deleteAudit(now: number, keptMs: number): number {
      let deleted = 0
      for (const tenant of tenants()) {
        while (deleted < perChange) {
          const more = expire(tenant, now - keptMs, perChange - deleted)
          if (more === null) break
          deleted += more
        }
      }
      return deleted
    }
  }
}

/** Looks at what was sealed, and what was not. */
export function createBlockQueries(db: DatabaseSync) {
  const statements = prepareAll(db, { last: sql.last, unsealed: sql.unsealed })
  const tenants = tenantsIn(db)
  const oldest = () =>
    tenants().flatMap(tenant => (statements.unsealed.get(tenant, tenant)?.at as number | null | undefined) ?? [])
  return {
    isUnsealed: (): boolean => oldest().length > 0,
    /** How long ago the oldest unsealed record was told, ms; 0 where there is none. */
    unsealedMs: (now: number): number => Math.max(0, ...oldest().map(at => now - at)),
    heads: (): AuditHead[] =>
      tenants().flatMap(tenant => {
        const last = statements.last.get(tenant) as AuditBlock | undefined
        return last === undefined ? [] : { tenant, n: last.n, hash: last.hash, at: last.at }
      })
  }
}

/** Whose records and blocks there are: few, so each is found by one step along an index. */
export function tenantsIn(db: DatabaseSync): () => string[] {
  const next = db.prepare(`
    SELECT min(tenant) AS tenant FROM (
      SELECT min(tenant) AS tenant FROM audit WHERE tenant > :after
      UNION ALL SELECT min(tenant) FROM audit_blocks WHERE tenant > :after)`)
  return () => {
    const found: string[] = []
    const after = (tenant: string) => next.get({ after: tenant })?.tenant as string | null
    for (let tenant = after(''); tenant !== null; tenant = after(tenant)) found.push(tenant)
    return found
  }
}

const sql = {
  last: 'SELECT n, hash, until, at FROM audit_blocks WHERE tenant = ? ORDER BY n DESC LIMIT 1',
  unsealed: `
    SELECT min(at) AS at FROM audit
    WHERE tenant = ? AND block > (SELECT coalesce(max(n), 0) FROM audit_blocks WHERE tenant = ?)`,
  records: 'SELECT id, hash, at, execution FROM audit WHERE tenant = ? AND block = ? ORDER BY id',
  execution: 'SELECT id, n, hash FROM executions WHERE digest = digest(?)',
  insert: `
    INSERT INTO audit_blocks (tenant, n, previous, at, until, count, root, content, hash)
    VALUES (:tenant, :n, :previous, :at, :until, :count, :root, :content, :hash)`,
  oldest: 'SELECT n, until FROM audit_blocks WHERE tenant = ? AND content IS NOT NULL ORDER BY n LIMIT 1',
  deleteRecords:
    'DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE tenant = ? AND block = ? ORDER BY id LIMIT ?)',
  empty: 'UPDATE audit_blocks SET content = NULL WHERE tenant = ? AND n = ?',
  forget: 'DELETE FROM audit_blocks WHERE tenant = ? AND n < ?'
}
