import type { DatabaseSync } from 'node:sqlite'
import { forgottenAfterMs } from '../rules.ts'
import type { Executions } from './executions.ts'
import type { Journal } from './journal.ts'
import type { Lanes } from './lanes.ts'

/** The most of each kind of thing that one pass looks at or deletes, and how many go into one transaction. */
export const perPass = 1_000
export const perChange = 25

/** The changes that housekeeping is made of. Each answers how many things it touched. */
export function createSweeper(parts: { db: DatabaseSync; journal: Journal; executions: Executions; lanes: Lanes }) {
  const { db, journal, executions, lanes } = parts
  const waiting = db.prepare(
    `SELECT e.at, e.lane, l.wake_at IS NULL AS idle
     FROM executions e CROSS JOIN lanes l ON l.lane = e.lane
     WHERE e.open = 1 AND e.at >= ? AND e.at <= ? ORDER BY e.at LIMIT ?`
  )
  const deleteBlobs = db.prepare(
    'DELETE FROM blobs WHERE rowid IN (SELECT rowid FROM blobs WHERE purge_at < ? ORDER BY purge_at LIMIT ?)'
  )
  const purgeable = db.prepare('SELECT arrival FROM executions WHERE purge_at < ? ORDER BY purge_at LIMIT ?')
  const deleteLimits = db.prepare(
    'DELETE FROM limits WHERE key IN (SELECT key FROM limits WHERE reset_at < ? ORDER BY reset_at LIMIT ?)'
  )
  // Where the last pass stopped: a long backlog is walked through in turns, so that its far end is not forgotten.
  let from = 0

  return {
    ringForgotten(now: number): number {
      const rows = waiting.all(from, now - forgottenAfterMs, perPass) as { at: number; lane: string; idle: number }[]
      const last = rows.at(-1)?.at ?? 0
      if (rows.length < perPass) from = 0
      else from = last > from ? last : last + 1
      const idle = new Set(rows.filter(row => row.idle === 1).map(row => row.lane))
      for (const lane of idle) lanes.ring(now, lane)
      return idle.size
    },
    deleteBlobs: (now: number): number => Number(deleteBlobs.run(now, perChange).changes),
    purge(now: number): number {
      const rows = purgeable.all(now, perChange) as { arrival: number }[]
      for (const { arrival } of rows) {
        journal.erase(arrival)
        executions.entomb(arrival)
      }
      return rows.length
    },
    deleteLimits: (now: number): number => Number(deleteLimits.run(now, perChange).changes)
  }
}
