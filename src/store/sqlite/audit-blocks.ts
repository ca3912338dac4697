import type { DatabaseSync } from 'node:sqlite'
import { type AuditBlock, type AuditHead, blockAfter, noBlock } from '../audit-block.ts'
import { told } from './schema.ts'
import { prepareAll } from './statements.ts'
import { perChange } from './sweeper.ts'

type Sealable = { readonly id: string; readonly hash: string; readonly at: number; readonly execution: string | null }
type Standing = { readonly id: string; readonly n: number; readonly hash: string }

/** The most records that one change seals: nobody else writes meanwhile. */
const perSeal = 250

/** Seals and expires. What is sealed moves to the table that is looked up by, so that its indexes take many records at a time. */
export function createSealer(db: DatabaseSync) {
  const statements = prepareAll(db, sql)
  const tenants = tenantsIn(db)

  function sealUpTo(last: number, tenant: string, now: number): number {
    const before = (statements.last.get(tenant) as AuditBlock | undefined) ?? noBlock
    const records = statements.move.all(before.n + 1, tenant, last) as unknown as Sealable[]
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
    /** Makes a block of each tenant that has some of the records that were told first; answers how many went into them, and whether there may be more. */
    seal(now: number): { records: number; isMore: boolean } {
      const { last, count } = statements.next.get(perSeal) as { last: number | null; count: number }
      if (last === null) return { records: 0, isMore: false }
      const whose = statements.whose.all(last).map(({ tenant }) => String(tenant))
      const records = whose.reduce((sum, tenant) => sum + sealUpTo(last, tenant, now), 0)
      statements.moved.run(last)
      return { records, isMore: count === perSeal }
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
  const statements = prepareAll(db, { last: sql.last, first: sql.first })
  const tenants = tenantsIn(db)
  const oldest = () => statements.first.get()?.at as number | undefined
  return {
    isUnsealed: (): boolean => oldest() !== undefined,
    /** How long ago the first of the unsealed records was told, ms; 0 where there is none. */
    unsealedMs: (now: number): number => Math.max(0, now - (oldest() ?? now)),
    heads: (): AuditHead[] =>
      tenants().flatMap(tenant => {
        const last = statements.last.get(tenant) as AuditBlock | undefined
        return last === undefined ? [] : { tenant, n: last.n, hash: last.hash, at: last.at }
      })
  }
}

/** Who has sealed records or blocks: few, so each is found by one step along an index. */
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
  first: 'SELECT at FROM audit_unsealed ORDER BY place LIMIT 1',
  next: `
    SELECT max(place) AS last, count(*) AS count
    FROM (SELECT place FROM audit_unsealed ORDER BY place LIMIT ?)`,
  whose: 'SELECT DISTINCT tenant FROM audit_unsealed WHERE place <= ?',
  move: `
    INSERT INTO audit (${told}, block) SELECT ${told}, ?1 FROM audit_unsealed WHERE tenant = ?2 AND place <= ?3
    ORDER BY place ON CONFLICT (id) DO NOTHING RETURNING id, hash, at, execution`,
  moved: 'DELETE FROM audit_unsealed WHERE place <= ?',
  execution: 'SELECT id, n, hash FROM executions WHERE digest = digest(?)',
  insert: `
    INSERT INTO audit_blocks (tenant, n, previous, at, until, count, root, content, hash)
    VALUES (:tenant, :n, :previous, :at, :until, :count, :root, :content, :hash)`,
  oldest: 'SELECT n, until FROM audit_blocks WHERE tenant = ? AND content IS NOT NULL ORDER BY n LIMIT 1',
  deleteRecords: 'DELETE FROM audit WHERE rowid IN (SELECT rowid FROM audit WHERE tenant = ? AND block = ? LIMIT ?)',
  empty: 'UPDATE audit_blocks SET content = NULL WHERE tenant = ? AND n = ?',
  forget: 'DELETE FROM audit_blocks WHERE tenant = ? AND n < ?'
}
