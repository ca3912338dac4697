import type { DatabaseSync } from 'node:sqlite'
import type { Lease, Store } from '../store.ts'

export type Lanes = ReturnType<typeof createLanes>

/**
 * Conversations as a queue of work. One field says it all: `wake_at` is when a lane may be taken. Ready: now; leased: the end of
 * the lease; backing off: the time of the next try; idle: NULL. So the lane of a dead worker simply becomes due again.
 */
export function createLanes(db: DatabaseSync) {
  const arrive = db.prepare(
    `INSERT INTO lanes (lane, tenant, newest, wake_at) VALUES (?, ?, ?, ?)
     ON CONFLICT (lane) DO UPDATE SET newest = excluded.newest, wake_at = coalesce(wake_at, excluded.wake_at)`
  )
  const ring = db.prepare('UPDATE lanes SET wake_at = coalesce(wake_at, ?) WHERE lane = ?')
  const longestDue = db.prepare(
    'SELECT lane, tenant, wake_at FROM lanes WHERE tenant = ? AND wake_at <= ? ORDER BY wake_at LIMIT 1'
  )
  const keepDue = db.prepare(
    'UPDATE lanes SET wake_at = :now WHERE tenant = :tenant AND wake_at > :now AND wake_at <= :before'
  )
  const take = db.prepare(
    'UPDATE lanes SET token = ?, owner = ?, wake_at = ?, fence = fence + 1 WHERE lane = ? RETURNING fence'
  )
  const extend = db.prepare('UPDATE lanes SET wake_at = ? WHERE lane = ? AND token = ?')
  const letGo = db.prepare('UPDATE lanes SET wake_at = ?, token = NULL, owner = NULL WHERE lane = ? AND token = ?')
  let rung = false
  let lastLook = 0

  return {
    /** Makes `execution` the newest of its lane, and rings it where there is work. */
    arrive(now: number, lane: string, tenant: string, execution: number, isWork: boolean): void {
      arrive.run(lane, tenant, execution, isWork ? now : null)
      rung ||= isWork
    },
    /** Makes an idle lane due. It never shortens a lease or a backoff. */
    ring(now: number, lane: string): void {
      ring.run(now, lane)
      rung = true
    },
    /** Takes the lane that has been due longest: one index look for each tenant, however many lanes wait. */
    take(now: number, options: Parameters<Store['claim']>[0], token: string): Lease | null {
      let found: { lane: string; tenant: string; wake_at: number } | undefined
      for (const candidate of options.tenants) {
        // The clock was set back: what was due by the old time would wait until the new one has caught up.
        if (now < lastLook) keepDue.run({ tenant: candidate, now, before: lastLook })
        const due = longestDue.get(candidate, now) as typeof found
        if (due !== undefined && (found === undefined || due.wake_at < found.wake_at)) found = due
      }
      lastLook = now
      if (found === undefined) return null
      const { lane, tenant } = found
      const taken = take.get(token, options.owner, now + options.leaseMs, lane) as { fence: number }
      return { lane, tenant, token, fence: taken.fence }
    },
    extend(now: number, { lane, token }: Lease, leaseMs: number): boolean {
      return extend.run(now + leaseMs, lane, token).changes === 1
    },
    /** Gives a lane back: due at `wakeAt`, at once when that is past, idle for null. */
    letGo(now: number, { lane, token }: Lease, wakeAt: number | null): boolean {
      const isDue = wakeAt !== null && wakeAt <= now
      rung ||= isDue
      return letGo.run(isDue ? now : wakeAt, lane, token).changes === 1
    },
    /** Whether a lane was made due since the last time of asking. */
    takeRung(): boolean {
      const was = rung
      rung = false
      return was
    }
  }
}
