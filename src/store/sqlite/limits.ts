import type { DatabaseSync } from 'node:sqlite'

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
  const read = db.prepare('SELECT count, reset_at FROM limits WHERE key = ?')
  const put = db.prepare(
    'INSERT INTO limits (key, count, reset_at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET count = excluded.count, reset_at = excluded.reset_at'
  )
  const probe = db.prepare('UPDATE probe SET writes = writes + 1 WHERE id = 1')

  return {
    take(now: number, key: string, windowMs: number): { count: number; resetMs: number } {
      const window = take.get({ key, windowMs, now }) as { count: number; reset_at: number }
      return { count: window.count, resetMs: window.reset_at - now }
    },
    /** A share is a row of its own: it belongs to the window that ends when it does. */
    spend(now: number, key: string, windowMs: number, by: string, amount: number): { total: number } {
      const share = `${key} ${by}`
      const window = read.get(key) as Row | undefined
      const isOpen = window !== undefined && window.reset_at > now && window.reset_at <= now + windowMs
      const before = isOpen ? (read.get(share) as Row | undefined) : undefined
      const resetAt = isOpen ? window.reset_at : now + windowMs
      const said = before?.reset_at === resetAt ? before.count : 0
      const total = (isOpen ? window.count : 0) - said + amount
      put.run(key, total, resetAt)
      put.run(share, amount, resetAt)
      return { total }
    },
    probe: (_now: number) => {
      probe.run()
    }
  }
}

type Row = { count: number; reset_at: number }
