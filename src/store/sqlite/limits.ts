import type { DatabaseSync } from 'node:sqlite'

/** How much was counted in a window that ends at `resetAt`, ms since the epoch. */
export interface CounterRow {
  readonly key: string
  readonly count: number
  readonly resetAt: number
}

/** Counters in fixed windows, and the smallest write there is. */
export function createLimits(db: DatabaseSync) {
  // A window that ends later than one window from now was opened before the clock was set back: it is over.
  const take = db.prepare(
    `INSERT INTO limits (key, count, reset_at) VALUES (:key, 1, :now + :windowMs)
     ON CONFLICT (key) DO UPDATE SET
       count = CASE WHEN reset_at > :now AND reset_at <= :now + :windowMs THEN count + 1 ELSE 1 END,
       reset_at = CASE WHEN reset_at > :now AND reset_at <= :now + :windowMs THEN reset_at ELSE :now + :windowMs END
     RETURNING count, reset_at`
  )
  const put = db.prepare(
    'INSERT INTO limits (key, count, reset_at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET count = excluded.count, reset_at = excluded.reset_at'
  )
  const probe = db.prepare('UPDATE probe SET writes = writes + 1 WHERE id = 1')

  return {
    take(now: number, key: string, windowMs: number): { count: number; resetMs: number } {
      const window = take.get({ key, windowMs, now }) as { count: number; reset_at: number }
      return { count: window.count, resetMs: window.reset_at - now }
    },
    /** Writes counters as they are to be: the one who counts is on the other side. */
    keepCounters(_now: number, rows: readonly CounterRow[]): void {
      for (const { key, count, resetAt } of rows) put.run(key, count, resetAt)
    },
    probe: (_now: number) => {
      probe.run()
    }
  }
}
