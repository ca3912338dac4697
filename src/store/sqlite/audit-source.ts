import type { DatabaseSync } from 'node:sqlite'
import type { AuditBlock } from '../audit-block.ts'
import type { AuditSource, FrameChain, Standing } from '../audit-source.ts'
import { keyUserOf } from '../sealing.ts'
import { type AuditEntry, auditKey } from '../transfer.ts'
import { createBlockQueries, tenantsIn } from './audit-blocks.ts'
import { reading } from './disk-fault.ts'
import { along, atOnce, openForReading } from './reading.ts'
import { prepareAll } from './statements.ts'

/** Opens the audit of the embedded store in `dir` beside the server that may hold it. Throws a plain Error where there is none, or one of another version. */
export function openSqliteAuditSource(dir: string): AuditSource {
  const db = openForReading(dir)
  const statements = prepareAll(db, sql)
  const tenants = tenantsIn(db)
  const blocks = createBlockQueries(db)
  const sealed = (block: number, tenant: string) => (block <= Number(statements.last.get(tenant)?.n) ? block : null)

  return {
    tenants: async () => reading(tenants),
    heads: async () => reading(blocks.heads),
    async *blocks(tenant, from) {
      const rows = along<AuditBlock>(statements.blocks, [tenant, from - 1], ({ n }) => [tenant, n], 20)
      for (const row of rows) yield { ...row }
    },
    records: async ids =>
      reading(() => {
        const rows = statements.records.all(JSON.stringify(ids)) as unknown as (AuditEntry & { block: number })[]
        return rows.map(row => ({ ...row, type: 'audit', block: sealed(row.block, row.tenant) }))
      }),
    async *marks() {
      type Row = { id: string; tenant: string; at: number; block: number }
      for (const row of along<Row>(statements.marks, [''], ({ id }) => [id], 500)) {
        yield { ...row, block: sealed(row.block, row.tenant) }
      }
    },
    standings: async asked => reading(() => asked.flatMap(one => standingOf(statements, one))),
    async *executions() {
      yield* chainsOf(db, statements)
    },
    contentKeys: async owner =>
      reading(() => statements.keys.all(keyUserOf(owner))).map(({ id, data }) => ({
        id: String(id),
        data: JSON.parse(String(data))
      })),
    key: async () => {
      const { tenant, user, kind, id } = auditKey
      const row = reading(() => statements.key.get(tenant, user, kind, id))
      return row === undefined ? null : JSON.parse(String(row.data))
    },
    async close() {
      db.close()
    }
  }
}

type Statements = ReturnType<typeof prepareAll<keyof typeof sql>>

function standingOf(statements: Statements, { id, n }: { id: string; n: number }): Standing | [] {
  const row = statements.execution.get(id) as { arrival: number; n: number; hash: string; purged: number } | undefined
  if (row === undefined) return []
  const frame = statements.frame.get(row.arrival, n)
  return { id, n: row.n, hash: row.hash, purged: row.purged === 1, at: hashIn(frame?.json) }
}

/** Frames that were changed by hand need not be JSON any more. */
function hashIn(json: unknown): string | null {
  try {
    return JSON.parse(String(json)).hash ?? null
  } catch {
    return null
  }
}

function* chainsOf(db: DatabaseSync, statements: Statements): Generator<FrameChain> {
  type Row = Omit<FrameChain, 'frames' | 'purged'> & { arrival: number; purged: number }
  const load = (after: number) =>
    (statements.executions.all(after, 50) as unknown as Row[]).map(({ arrival, purged, ...row }) => {
      const frames = statements.frames.all(arrival).map(({ json }) => String(json))
      return { arrival, chain: { ...row, purged: purged === 1, frames } }
    })
  for (let after = 0; ; ) {
    const page = reading(() => atOnce(db, () => load(after)))
    for (const { chain } of page) yield chain
    const last = page.at(-1)
    if (last === undefined) return
    after = last.arrival
  }
}

const columns = 'id, tenant, at, actor, action, execution, outcome, detail, hash, block'

const sql = {
  last: 'SELECT coalesce(max(n), 0) AS n FROM audit_blocks WHERE tenant = ?',
  blocks: `
    SELECT tenant, n, previous, at, until, count, root, content, hash
    FROM audit_blocks WHERE tenant = ? AND n > ? ORDER BY n LIMIT ?`,
  records: `SELECT ${columns} FROM audit WHERE id IN (SELECT value FROM json_each(?))`,
  marks: 'SELECT id, tenant, at, block FROM audit WHERE id > ? ORDER BY id LIMIT ?',
  execution: 'SELECT arrival, n, hash, purged FROM executions WHERE digest = digest(?)',
  frame: 'SELECT json FROM frames WHERE execution = ? AND n = ?',
  executions:
    'SELECT arrival, id, tenant, lane, n, hash, purged FROM executions WHERE arrival > ? ORDER BY arrival LIMIT ?',
  frames: 'SELECT json FROM frames WHERE execution = ? ORDER BY n',
  keys: "SELECT id, data FROM records WHERE tenant = 'server' AND user = ? AND kind = 'key' ORDER BY id",
  key: 'SELECT data FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id = ?'
}
