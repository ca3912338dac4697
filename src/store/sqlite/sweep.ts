import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../frames/clock.ts'
import type { Swept } from '../store.ts'
import type { Executions } from './executions.ts'
import { type GroupCommit, reading } from './group-commit.ts'
import type { Journal } from './journal.ts'
import type { Lanes } from './lanes.ts'

/** Work that waits longer than this is looked at: is its lane rung? */
const forgottenAfterMs = 30_000

/** The most of each kind of thing that one pass looks at or deletes, and how many go into one transaction. */
const perPass = 1_000
const perChange = 25

/**
 * The housekeeping. It goes in small changes between which other work is committed. What it deleted is overwritten in the
 * database (secure_delete), and the write-ahead log, where a copy may stand, is emptied after it.
 */
export function createSweeper(parts: {
  db: DatabaseSync
  clock: Clock
  journal: Journal
  executions: Executions
  lanes: Lanes
  write: GroupCommit['write']
}) {
  const { db, clock, journal, executions, lanes, write } = parts
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

  function ringForgotten(): number {
    const rows = waiting.all(from, clock.now() - forgottenAfterMs, perPass) as {
      at: number
      lane: string
      idle: number
    }[]
    const last = rows.at(-1)?.at ?? 0
    if (rows.length < perPass) from = 0
    else from = last > from ? last : last + 1
    const idle = new Set(rows.filter(row => row.idle === 1).map(row => row.lane))
    for (const lane of idle) lanes.ring(lane)
    return idle.size
  }

  function purge(limit: number): number {
    const rows = purgeable.all(clock.now(), limit) as { arrival: number }[]
    for (const { arrival } of rows) {
      journal.erase(arrival)
      executions.entomb(arrival)
    }
    return rows.length
  }

  async function repeat(change: (limit: number) => number): Promise<number> {
    let done = 0
    while (done < perPass) {
      const count = await write(() => change(perChange))
      done += count
      if (count < perChange) break
    }
    return done
  }

  return {
    async pass(): Promise<Swept> {
      const rung = await write(ringForgotten)
      const blobs = await repeat(limit => Number(deleteBlobs.run(clock.now(), limit).changes))
      const purged = await repeat(purge)
      await repeat(limit => Number(deleteLimits.run(clock.now(), limit).changes))
      if (blobs + purged > 0) reading(() => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'))
      return { rung, blobs, purged }
    }
  }
}
