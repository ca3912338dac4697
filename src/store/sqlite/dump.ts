import type { DatabaseSync } from 'node:sqlite'
import type { State } from '../../frames/execution.ts'
import type { AuditBlock } from '../audit-block.ts'
import type { AuditEntry, BlobEntry, BlockEntry, Entry, ExecutionEntry, RecordEntry, StoreSource } from '../transfer.ts'
import { along, atOnce, openForReading, perPage } from './reading.ts'
import { told } from './schema.ts'
import { prepareAll } from './statements.ts'

interface Row {
  readonly arrival: number
  readonly id: string
  readonly lane: string
  readonly tenant: string
  readonly principal: string
  readonly at: number
  readonly state: State
  readonly place: string | null
  readonly claims: number
  readonly n: number
  readonly hash: string
  readonly approval: string | null
  readonly approval_hash: string
  readonly approval_state: string
  readonly approval_expires_at: number
  readonly timer_at: number | null
  readonly purge_at: number | null
  readonly purged: number
}

/** Opens the embedded store in `dir` beside the server that may hold it. Throws a plain Error where there is none, or one of another version. */
export function openSqliteSource(dir: string): StoreSource {
  const db = openForReading(dir)
  return {
    async *entries() {
      yield* executionsOf(db)
      const sealed = new Map<string, number>()
      yield* blocksOf(db, sealed)
      yield* auditOf(db, sealed)
      yield* recordsOf(db)
    },
    async close() {
      db.close()
    }
  }
}

function* executionsOf(db: DatabaseSync): Generator<Entry> {
  const statements = prepareAll(db, sql)

  const load = (row: Row): { entry: ExecutionEntry; blobs: { n: number; purge_at: number }[] } => ({
    entry: toEntry(row, {
      frames: statements.frames.all(row.arrival).map(frame => String(frame.json)),
      refs: statements.refs.all(row.arrival).map(({ ref }) => String(ref))
    }),
    blobs: statements.blobs.all(row.arrival) as { n: number; purge_at: number }[]
  })

  function bytesOf(arrival: number, n: number): Uint8Array | null {
    return (statements.bytes.get(arrival, n)?.bytes as Uint8Array | undefined) ?? null
  }

  for (let after = 0; ; ) {
    const page = atOnce(db, () =>
      (statements.page.all(after, perPage) as unknown as Row[]).map(row => ({ arrival: row.arrival, ...load(row) }))
    )
    for (const { arrival, entry, blobs } of page) {
      yield entry
      for (const { n, purge_at: purgeAt } of blobs) {
        const bytes = bytesOf(arrival, n)
        // Swept since the page was read.
        if (bytes !== null) yield { type: 'blob', execution: entry.id, n, purgeAt, bytes } satisfies BlobEntry
      }
    }
    const last = page.at(-1)
    if (last === undefined) return
    after = last.arrival
  }
}

/** Notes in `sealed` how far the chain of each tenant goes. */
function* blocksOf(db: DatabaseSync, sealed: Map<string, number>): Generator<BlockEntry> {
  const rows = along<AuditBlock>(db.prepare(sql.blocks), ['', 0], ({ tenant, n }) => [tenant, n])
  for (const row of rows) {
    sealed.set(row.tenant, row.n)
    yield { type: 'block', ...row }
  }
}

/** What waits goes before what is in blocks, because what is sealed meanwhile goes from here to there. */
function* auditOf(db: DatabaseSync, sealed: ReadonlyMap<string, number>): Generator<AuditEntry> {
  const waited = new Set<string>()
  type Waiting = Omit<AuditEntry, 'type'> & { place: number }
  for (const { place: _, ...row } of along<Waiting>(db.prepare(sql.unsealed), [0], ({ place }) => [place])) {
    waited.add(row.id)
    yield { type: 'audit', ...row }
  }
  type Row = Omit<AuditEntry, 'type'> & { block: number }
  for (const { block, ...row } of along<Row>(db.prepare(sql.audit), [''], ({ id }) => [id])) {
    const isSealed = block <= (sealed.get(row.tenant) ?? 0)
    if (isSealed || !waited.has(row.id)) yield { type: 'audit', ...row, block: isSealed ? block : null }
  }
}

function* recordsOf(db: DatabaseSync): Generator<RecordEntry> {
  const rows = along<Omit<RecordEntry, 'type'>>(db.prepare(sql.records), ['', '', '', ''], row => {
    return [row.tenant, row.user, row.kind, row.id]
  })
  for (const row of rows) yield { type: 'record', ...row }
}

function toEntry(row: Row, owned: Pick<ExecutionEntry, 'frames' | 'refs'>): ExecutionEntry {
  const { id, lane, tenant, principal, at, state, place: order, claims, n, hash } = row
  const approval =
    row.approval === null
      ? null
      : {
          id: row.approval,
          hash: row.approval_hash,
          state: row.approval_state,
          expiresAt: row.approval_expires_at
        }
  const times = { timerAt: row.timer_at, purgeAt: row.purge_at, purged: row.purged === 1 }
  return {
    type: 'execution',
    ...{ id, lane, tenant, principal, at, state, order, claims, n, hash },
    ...owned,
    approval,
    ...times
  }
}

const sql = {
  // As text: a place that came from another store may be greater than a number holds.
  page: `
    SELECT arrival, id, lane, tenant, principal, at, state, iif(open = 1, CAST(ord AS TEXT), NULL) AS place, claims, n, hash,
      approval, approval_hash, approval_state, approval_expires_at, timer_at, purge_at, purged
    FROM executions WHERE arrival > ? ORDER BY arrival LIMIT ?`,
  frames: 'SELECT json FROM frames WHERE execution = ? ORDER BY n',
  refs: 'SELECT ref FROM refs WHERE execution = ?',
  blobs: 'SELECT n, purge_at FROM blobs WHERE execution = ? ORDER BY n',
  bytes: 'SELECT bytes FROM blobs WHERE execution = ? AND n = ?',
  unsealed: `SELECT place, ${told}, NULL AS block FROM audit_unsealed WHERE place > ? ORDER BY place LIMIT ?`,
  audit: `SELECT ${told}, block FROM audit WHERE id > ? ORDER BY id LIMIT ?`,
  blocks: `
    SELECT tenant, n, previous, at, until, count, root, content, hash
    FROM audit_blocks WHERE (tenant, n) > (?, ?) ORDER BY tenant, n LIMIT ?`,
  records: `
    SELECT tenant, user, kind, id, version, data FROM records WHERE (tenant, user, kind, id) > (?, ?, ?, ?)
    ORDER BY tenant, user, kind, id LIMIT ?`
}
