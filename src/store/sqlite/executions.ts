import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { State } from '../../frames/execution.ts'
import { noTail } from '../../frames/tail.ts'
import type { Acceptance, Approval, Lease } from '../store.ts'
import { follow, type Journal, type Page } from './journal.ts'
import { collect, executionColumns, type Kept } from './queries.ts'
import { prepareAll } from './statements.ts'

/** A message without its frames, which travel as pages. */
export type NewExecution = Omit<Acceptance, 'frames'>

/** What a condition is checked against. `arrival` is the key of everything an execution owns. */
export interface Standing {
  readonly arrival: number
  readonly lane: string
  readonly n: number
  readonly state: State
  readonly purged: number
}

/** An execution that is held by a lease, and the pages that are its next ones. */
export interface Held {
  readonly id: string
  readonly lease: Lease
  readonly pages: readonly Page[]
}

const mostArrivals = 1_000

export type Executions = ReturnType<typeof createExecutions>

/** The rows of executions: each function is one step of a change. */
export function createExecutions(db: DatabaseSync, journal: Journal) {
  const statements = prepareAll(db, sql)
  // Where those at work are, so that not every frame looks for its execution. A wrong hint finds nothing and is not possible: arrivals stay.
  const arrivals = new Map<string, number>()

  function arrivalOf(id: string): number | undefined {
    return arrivals.get(id) ?? (statements.standing.get(id) as Standing | undefined)?.arrival
  }

  /** Its arrival number, or null where the lease does not hold both it and its lane, or the pages are not the next ones. */
  function move(statement: StatementSync, { id, lease, pages }: Held, ...more: readonly SQLInputValue[]) {
    const [first, last] = [pages[0], pages.at(-1)]
    const arrival = arrivalOf(id)
    if (arrival === undefined || (first !== undefined && !follow(pages, first.n - 1))) return null
    const before = first === undefined ? null : first.n - 1
    const { lane, token } = lease
    const done = statement.run(arrival, id, lane, token, before, last?.n ?? null, last?.hash ?? null, ...more)
    return done.changes === 1 ? arrival : null
  }

  return {
    /** Its arrival number, or null where the id is known already. */
    insert(message: NewExecution, at: number, pages: readonly Page[], purgeAt: number | null): number | null {
      const { id, lane, tenant, principal, state } = message
      const open = state === 'queued' ? 1 : null
      const { n, hash } = pages.at(-1) ?? noTail
      const done = statements.insert.run(id, lane, tenant, principal, at, state, open, n, hash, purgeAt)
      return done.changes === 1 ? Number(done.lastInsertRowid) : null
    },
    /** Where an execution stands, or undefined for one that was never accepted. */
    standing: (id: string) => statements.standing.get(id) as unknown as Standing | undefined,
    advance(arrival: number, pages: readonly Page[]): void {
      const last = pages.at(-1)
      if (last !== undefined) statements.advance.run(last.n, last.hash, arrival)
    },
    /** Moves it on to the last of the pages; it has lived through the claim. */
    append: (held: Held) => move(statements.append, held),
    /** Moves it on, and ends it. */
    end: (held: Held, state: State, purgeAt: number | null) => move(statements.end, held, state, purgeAt),
    /** Moves it on, and has it wait for the answer to a question. */
    park: (held: Held, { id, hash, state, expiresAt }: Approval, timerAt: number) =>
      move(statements.park, held, id, hash, state, expiresAt, timerAt),
    /** The oldest open execution of a lane, or null. */
    head: (lane: string) => (statements.head.get(lane)?.arrival as number | undefined) ?? null,
    /** Stamps it with the lease and counts the claim. */
    run(arrival: number, { token, fence }: Lease): Kept {
      const kept = collect(statements.run.get(token, fence, arrival), journal)
      if (arrivals.size >= mostArrivals) arrivals.clear()
      arrivals.set(kept.row.id, arrival)
      return kept
    },
    /** Puts it back to wait, if the lease runs it, and takes back the counted claim. */
    rest: (arrival: number, { token }: Lease) => statements.rest.run(arrival, token),
    unclaim: (id: string, n: number): void => void statements.unclaim.run(id, n),
    /** Whether this was the one decision. */
    settle: (arrival: number, approval: { id: string; state: string }) =>
      statements.settle.run(approval.state, arrival, approval.id).changes === 1,
    queueLast: (arrival: number) => statements.queueLast.run(arrival),
    /** Whether nobody was working on it, and it is over. */
    cancel: (arrival: number, purgeAt: number) => statements.cancel.run(purgeAt, arrival).changes === 1,
    entomb: (arrival: number) => statements.entomb.run(arrival)
  }
}

const endOfLane = (lane: string) =>
  `(SELECT coalesce(max(o.ord), 0) + 1 FROM executions o WHERE o.lane = ${lane} AND o.open = 1)`

// Parameters that are bound by number cost a third of those that are bound by name. Without pages nothing moves.
const to = 'n = coalesce(?6, n), hash = coalesce(?7, hash)'
const whereHeld = `
  WHERE arrival = ?1 AND id = ?2 AND lane = ?3 AND token = ?4 AND n = coalesce(?5, n)
    AND EXISTS (SELECT 1 FROM lanes l WHERE l.lane = ?3 AND l.token = ?4)`

const sql = {
  insert: `
    INSERT INTO executions (id, digest, lane, tenant, principal, at, state, open, ord, previous, n, hash, purge_at)
    VALUES (?1, digest(?1), ?2, ?3, ?4, ?5, ?6, ?7, ${endOfLane('?2')},
      (SELECT newest FROM lanes WHERE lane = ?2), ?8, ?9, ?10)
    ON CONFLICT (digest) DO NOTHING`,
  standing: 'SELECT arrival, lane, n, state, purged FROM executions WHERE digest = digest(?)',
  advance: 'UPDATE executions SET n = ?, hash = ? WHERE arrival = ?',
  append: `UPDATE executions SET claims = 0, ${to} ${whereHeld}`,
  head: 'SELECT arrival FROM executions WHERE lane = ? AND open = 1 ORDER BY ord LIMIT 1',
  run: `
    UPDATE executions SET state = 'running', token = ?, fence = ?, claims = claims + 1
    WHERE arrival = ? RETURNING ${executionColumns}`,
  rest: `UPDATE executions SET state = 'queued', token = NULL, claims = 0 WHERE arrival = ? AND token = ?`,
  unclaim:
    'UPDATE executions SET claims = claims - 1 WHERE digest = digest(?1) AND id = ?1 AND open = 1 AND n = ?2 AND claims > 0',
  end: `UPDATE executions SET state = ?8, open = NULL, token = NULL, purge_at = ?9, ${to} ${whereHeld}`,
  park: `
    UPDATE executions SET state = 'parked', open = NULL, token = NULL, claims = 0, approval = ?8, approval_hash = ?9,
      approval_state = ?10, approval_expires_at = ?11, timer_at = ?12, ${to} ${whereHeld}`,
  settle: `
    UPDATE executions SET approval_state = ?, timer_at = NULL
    WHERE arrival = ? AND state = 'parked' AND approval = ? AND approval_state = 'pending'`,
  queueLast: `
    UPDATE executions SET state = 'queued', open = 1, claims = 0, purge_at = NULL, ord = ${endOfLane('executions.lane')}
    WHERE arrival = ?`,
  cancel: `
    UPDATE executions SET state = 'cancelled', open = NULL, claims = 0, timer_at = NULL, purge_at = ?,
      approval_state = iif(approval_state = 'pending', 'cancelled', approval_state)
    WHERE arrival = ? AND state IN ('queued', 'parked')`,
  entomb: 'UPDATE executions SET purged = 1, purge_at = NULL WHERE arrival = ?'
}
