import type { DatabaseSync } from 'node:sqlite'
import type { AuditBlock } from '../audit-block.ts'
import type { AuditMark, AuditSource, FrameChain, Standing } from '../audit-source.ts'
import { keyUserOf } from '../sealing.ts'
import { type AuditEntry, auditKey } from '../transfer.ts'
import { createBlockQueries, tenantsIn } from './audit-blocks.ts'
import { reading } from './disk-fault.ts'
import { along, atOnce, openForReading } from './reading.ts'
import { told } from './schema.ts'
import { prepareAll } from './statements.ts'

/** Opens the audit of the embedded store in `dir` beside the server that may hold it. Throws a plain Error where there is none, or one of another version. */
export function openSqliteAuditSource(dir: string): AuditSource {
  const db = openForReading(dir)
  const statements = prepareAll(db, sql)
  const tenants = tenantsIn(db)
  const blocks = createBlockQueries(db)
  /** Who made up a block that is not there put the record in none. */
  const inBlock = <R extends Pick<AuditMark, 'tenant' | 'block'>>(row: R): R =>
    row.block !== null && row.block > Number(statements.last.get(row.tenant)?.n) ? { ...row, block: null } : row

  return {
    tenants: async () =>
      reading(() => [...new Set([...tenants(), ...statements.unsealed.all().map(row => String(row.tenant))])]),
    heads: async () => reading(blocks.heads),
    async *blocks(tenant, from) {
      const rows = along<AuditBlock>(statements.blocks, [tenant, from - 1], ({ n }) => [tenant, n], 20)
      for (const row of rows) yield { ...row }
    },
    records: async ids =>
      reading(() => {
        const rows = statements.records.all(JSON.stringify(ids)) as unknown as Omit<AuditEntry, 'type'>[]
        return rows.map(row => ({ ...inBlock(row), type: 'audit' }))
      }),
    async *marks() {
      // What is sealed meanwhile goes from the first to the second.
      yield* along<AuditMark & { place: number }>(statements.unsealedMarks, [0], ({ place }) => [place], 500)
      for (const mark of along<AuditMark>(statements.marks, [''], ({ id }) => [id], 500)) yield inBlock(mark)
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

const sql = {
  last: 'SELECT coalesce(max(n), 0) AS n FROM audit_blocks WHERE tenant = ?',
  unsealed: 'SELECT DISTINCT tenant FROM audit_unsealed',
  blocks: `
    SELECT tenant, n, previous, at, until, count, root, content, hash
    FROM audit_blocks WHERE tenant = ? AND n > ? ORDER BY n LIMIT ?`,
  records: `
    SELECT ${told}, block FROM audit WHERE id IN (SELECT value FROM json_each(?1))
    UNION ALL SELECT ${told}, NULL FROM audit_unsealed WHERE id IN (SELECT value FROM json_each(?1))`,
  unsealedMarks:
    'SELECT place, id, tenant, at, NULL AS block FROM audit_unsealed WHERE place > ? ORDER BY place LIMIT ?',
  marks: 'SELECT id, tenant, at, block FROM audit WHERE id > ? ORDER BY id LIMIT ?',
  execution: 'SELECT arrival, n, hash, purged FROM executions WHERE digest = digest(?)',
  frame: 'SELECT json FROM frames WHERE execution = ? AND n = ?',
  executions:
    'SELECT arrival, id, tenant, lane, n, hash, purged FROM executions WHERE arrival > ? ORDER BY arrival LIMIT ?',
  frames: 'SELECT json FROM frames WHERE execution = ? ORDER BY n',
  keys: "SELECT id, data FROM records WHERE tenant = 'server' AND user = ? AND kind = 'key' ORDER BY id",
  key: 'SELECT data FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id = ?'
}
