import type { DatabaseSync } from 'node:sqlite'
import type { Store } from '../store.ts'
import type { CounterRow } from './limits.ts'
import type { Writer } from './writer.ts'

type Counter = Omit<CounterRow, 'key'>
type Spend = (...asked: Parameters<Store['spend']>) => { total: number }

const mostKnown = 2_000

/**
 * Counts what people spend without waiting for the disk. The database has one writer, which takes its changes in the order of asking:
 * what is on its way there is counted beside what is in it, and is on disk before anything that was done with what was spent.
 */
export function createSpending(db: DatabaseSync, write: Writer['write'], now: () => number): Spend {
  const read = db.prepare('SELECT count, reset_at AS resetAt FROM limits WHERE key = ?')
  const known = new Map<string, Counter>()
  const underWay = new Map<string, number>()

  function look(key: string): Counter | undefined {
    return known.get(key) ?? (read.get(key) as Counter | undefined)
  }

  function keep(rows: readonly CounterRow[]): void {
    // What is on its way to the disk is known here alone: it must not be forgotten.
    if (known.size >= mostKnown) for (const key of known.keys()) if (!underWay.has(key)) known.delete(key)
    for (const { key, ...counter } of rows) {
      known.set(key, counter)
      underWay.set(key, (underWay.get(key) ?? 0) + 1)
    }
    const settled = () => {
      for (const { key } of rows) {
        const left = (underWay.get(key) ?? 1) - 1
        if (left === 0) underWay.delete(key)
        else underWay.set(key, left)
      }
    }
    write('keepCounters', rows).then(settled, () => {
      // The disk refused: what counts is what is on it.
      settled()
      for (const { key } of rows) known.delete(key)
    })
  }

  // A share is a row of its own: it belongs to the window that ends when it does.
  return (key, windowMs, by, amount) => {
    const share = `${key} ${by}`
    const at = now()
    const window = look(key)
    const isOpen = window !== undefined && window.resetAt > at && window.resetAt <= at + windowMs
    const resetAt = isOpen ? window.resetAt : at + windowMs
    const before = isOpen ? look(share) : undefined
    const said = before?.resetAt === resetAt ? before.count : 0
    const total = (isOpen ? window.count : 0) - said + amount
    keep([
      { key, count: total, resetAt },
      { key: share, count: amount, resetAt }
    ])
    return { total }
  }
}
