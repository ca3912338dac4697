import type { DatabaseSync } from 'node:sqlite'
import type { State } from '../../frames/execution.ts'
import { noTail } from '../../frames/frame.ts'
import type { Acceptance, Approval, Lease } from '../store.ts'
import type { Journal, Page } from './journal.ts'
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

export type Executions = ReturnType<typeof createExecutions>

/** The rows of executions: each function is one step of a change. */
export function createExecutions(db: DatabaseSync, journal: Journal) {
  const statements = prepareAll(db, sql)
  return {
    /** Its arrival number, or null where the id is known already. */
    insert(message: NewExecution, at: number, pages: readonly Page[], purgeAt: number | null): number | null {
      const { id, lane, tenant, principal, state } = message
      const open = state === 'queued' ? 1 : null
      const { n, hash } = pages.at(-1) ?? noTail
      const done = statements.insert.run({ id, lane, tenant, principal, at, state, open, n, hash, purgeAt })
      return done.changes === 1 ? Number(done.lastInsertRowid) : null
    },
    /** Where an execution stands, or undefined for one that was never accepted. */
    standing: (id: string) => statements.standing.get(id) as unknown as Standing | undefined,
    /** Where it stands, if the lease still holds both it and its lane. */
    held: (id: string, { lane, token }: Lease) =>
      statements.held.get({ id, lane, token }) as unknown as Standing | undefined,
    advance(arrival: number, pages: readonly Page[]): void {
      const last = pages.at(-1)
      if (last !== undefined) statements.advance.run(last.n, last.hash, arrival)
    },
    resetClaims: (arrival: number) => statements.resetClaims.run(arrival),
    /** The oldest open execution of a lane, or null. */
    head: (lane: string) => (statements.head.get(lane)?.arrival as number | undefined) ?? null,
    /** Stamps it with the lease and counts the claim. */
    run: (arrival: number, { token, fence }: Lease): Kept =>
      collect(statements.run.get(token, fence, arrival), journal),
    /** Puts it back to wait, if the lease runs it, and takes back the counted claim. */
    rest: (arrival: number, { token }: Lease) => statements.rest.run(arrival, token),
    end: (arrival: number, state: State, purgeAt: number | null) => statements.end.run(state, purgeAt, arrival),
    park(arrival: number, { id, hash, state, expiresAt }: Approval, timerAt: number): void {
      statements.park.run(id, hash, state, expiresAt, timerAt, arrival)
    },
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

const sql = {
  insert: `
    INSERT INTO executions (id, digest, lane, tenant, principal, at, state, open, ord, previous, n, hash, purge_at)
    VALUES (:id, digest(:id), :lane, :tenant, :principal, :at, :state, :open, ${endOfLane(':lane')},
      (SELECT newest FROM lanes WHERE lane = :lane), :n, :hash, :purgeAt)
    ON CONFLICT (digest) DO NOTHING`,
  standing: 'SELECT arrival, lane, n, state, purged FROM executions WHERE digest = digest(?)',
  held: `
    SELECT arrival, e.lane, n, state, purged FROM executions e JOIN lanes l ON l.lane = e.lane
    WHERE digest = digest(:id) AND e.lane = :lane AND e.token = :token AND l.token = :token`,
  advance: 'UPDATE executions SET n = ?, hash = ? WHERE arrival = ?',
  resetClaims: 'UPDATE executions SET claims = 0 WHERE arrival = ?',
  head: 'SELECT arrival FROM executions WHERE lane = ? AND open = 1 ORDER BY ord LIMIT 1',
  run: `
    UPDATE executions SET state = 'running', token = ?, fence = ?, claims = claims + 1
    WHERE arrival = ? RETURNING ${executionColumns}`,
  rest: `UPDATE executions SET state = 'queued', token = NULL, claims = 0 WHERE arrival = ? AND token = ?`,
  end: 'UPDATE executions SET state = ?, open = NULL, token = NULL, purge_at = ? WHERE arrival = ?',
  park: `
    UPDATE executions SET state = 'parked', open = NULL, token = NULL, claims = 0, approval = ?, approval_hash = ?,
      approval_state = ?, approval_expires_at = ?, timer_at = ? WHERE arrival = ?`,
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
