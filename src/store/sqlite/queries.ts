import type { DatabaseSync } from 'node:sqlite'
import type { Execution } from '../../frames/execution.ts'
import type { Store } from '../store.ts'
import type { Depth } from '../summaries.ts'
import { createJournal, type Journal } from './journal.ts'
import { position } from './position.ts'
import { prepareAll } from './statements.ts'

/** What `toExecution` makes an execution of. */
export const executionColumns = 'arrival, id, lane, tenant, principal, state, at, n, claims, token'

/** A row of `executionColumns` with the text of its frames: an execution as it is kept. */
export interface Kept {
  readonly row: Omit<Execution, 'at' | 'frames'> & { readonly arrival: number; readonly at: number }
  readonly frames: readonly string[]
}

/** Collects what is kept of an execution. */
export function collect(row: unknown, journal: Journal): Kept {
  const found = row as Kept['row']
  return { row: found, frames: journal.frames(found.arrival) }
}

/** An execution as the rooms see it. */
export function toExecution({ row: { arrival: _, at, ...rest }, frames }: Kept): Execution {
  return { ...rest, at: new Date(at).toISOString(), frames: frames.map(json => JSON.parse(json)) }
}

/** A table `history` of at most `:limit` arrival numbers of one lane, from the one that `newest` selects back to older ones. */
export const history = (newest: string) => `
  WITH RECURSIVE history (arrival, place) AS (
    SELECT arrival, 1 FROM executions WHERE arrival = (${newest})
    UNION ALL
    SELECT e.previous, place + 1 FROM history JOIN executions e USING (arrival)
    WHERE place < :limit AND e.previous IS NOT NULL
  )`

/** What the workers and the agent read. */
export function createQueries(db: DatabaseSync) {
  const journal = createJournal(db)
  const statements = prepareAll(db, sql)
  const load = (row: unknown) => toExecution(collect(row, journal))
  return {
    read(id: string): Execution | null {
      const row = statements.read.get(id)
      return row === undefined ? null : load(row)
    },
    find: journal.find,
    blob: journal.blob,
    due: (now: number, limit: number) => statements.due.all(now, limit).map(load),
    earlier(lane: string, before: string, limit: number): Execution[] {
      const previous = statements.previous.get(before, lane)?.previous ?? null
      return previous === null ? [] : statements.earlier.all({ previous, limit }).map(load)
    },
    unsettled(lane: string): Execution[] {
      const rows = [...statements.openIn.all(lane), ...statements.parkedIn.all(lane)]
      return rows.sort((a, b) => Number(a.arrival) - Number(b.arrival)).map(load)
    },
    /** A page ends at an arrival number, so that what is asked in between neither hides nor repeats a line. */
    questions({ tenants, pending, after, limit }: Parameters<Store['questions']>[0]) {
      const before = after === undefined ? Number.MAX_SAFE_INTEGER : position(after)
      const statement = pending ? statements.pending : statements.questions
      const rows = statement.all(before, JSON.stringify(tenants), limit + 1)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return { executions: rows.slice(0, limit).map(load), next: last === undefined ? null : String(last.arrival) }
    },
    lastInbound: (lane: string) => (statements.lastInbound.get(lane)?.at as number | undefined) ?? null,
    depth(now: number): Omit<Depth, 'unsealedMs'> {
      const { open, running, oldest } = statements.open.get() as {
        open: number
        running: number
        oldest: number | null
      }
      const { parked } = statements.parked.get() as { parked: number }
      return { queued: open - running, running, parked, oldestMs: oldest === null ? 0 : Math.max(0, now - oldest) }
    }
  }
}

const questionsOf = (index: string, condition: string) => `
  SELECT ${executionColumns} FROM executions INDEXED BY ${index}
  WHERE ${condition} AND arrival < ? AND instr(?, '"' || tenant || '"') > 0 ORDER BY arrival DESC LIMIT ?`

const sql = {
  read: `SELECT ${executionColumns} FROM executions WHERE digest = digest(?)`,
  due: `SELECT ${executionColumns} FROM executions WHERE timer_at <= ? ORDER BY timer_at LIMIT ?`,
  previous: 'SELECT previous FROM executions WHERE digest = digest(?) AND lane = ?',
  earlier: `${history(':previous')}
    SELECT ${executionColumns} FROM history JOIN executions USING (arrival) ORDER BY arrival DESC`,
  openIn: `SELECT ${executionColumns} FROM executions WHERE lane = ? AND open = 1`,
  parkedIn: `SELECT ${executionColumns} FROM executions WHERE lane = ? AND timer_at IS NOT NULL`,
  questions: questionsOf('executions_asked', 'approval IS NOT NULL'),
  pending: questionsOf('executions_pending', 'timer_at IS NOT NULL'),
  lastInbound: 'SELECT at FROM executions WHERE arrival = (SELECT newest FROM lanes WHERE lane = ?)',
  open: `
    SELECT count(*) AS open, coalesce(sum(state = 'running'), 0) AS running, min(at) AS oldest
    FROM executions WHERE open = 1`,
  parked: 'SELECT count(*) AS parked FROM executions WHERE timer_at IS NOT NULL'
}
