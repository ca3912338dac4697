import type { DatabaseSync } from 'node:sqlite'
import type { Store } from '../store.ts'
import type { CounterRow } from './limits.ts'
import type { Writer } from './writer.ts'

type Counter = Omit<CounterRow, 'key'>
type Spend = (...asked: Parameters<Store['spend']>) => { total: number }

const mostKnown = 2_000
const mostOfGroup = 50

/** A person's counters change several times in one message: they go to the disk together. */
const keepEveryMs = 100

/** The counters of people, and a way to have them kept now. */
export interface Spending {
  readonly spend: Spend
  /** Resolves once what was counted is on disk, or was refused by it. */
  flush(): Promise<void>
}

/**
 * Counts what people spend without waiting for the disk: it is counted here at once, and kept a moment later. The database has no
 * other writer, so nothing changes there that is not known here.
 */
export function createSpending(db: DatabaseSync, write: Writer['write'], now: () => number): Spending {
  const read = db.prepare('SELECT count, reset_at AS resetAt FROM limits WHERE key = ?')
  const readGroup = db.prepare(
    `SELECT key, count, reset_at AS resetAt FROM limits WHERE key >= ? AND key < ? ORDER BY key LIMIT ${mostOfGroup + 1}`
  )
  const known = new Map<string, Counter>()
  /** Whether all that is on disk of a group was known when it was looked up: then what is not known is not there. */
  const wholes = new Map<string, boolean>()
  const unkept = new Map<string, Counter>()
  let kept = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  function look(key: string): Counter | undefined {
    const found = known.get(key)
    if (found !== undefined) return found
    const group = key.slice(0, key.lastIndexOf(':') + 1)
    if (wholes.get(group) ?? lookUp(group)) return known.get(key)
    return read.get(key) as Counter | undefined
  }

  /** Reads the counters of a group; answers whether these are all. */
  function lookUp(group: string): boolean {
    const rows = readGroup.all(group, `${group}\u{10ffff}`) as unknown as CounterRow[]
    const isWhole = rows.length <= mostOfGroup
    wholes.set(group, isWhole)
    for (const { key, count, resetAt } of rows) if (isWhole && !known.has(key)) known.set(key, { count, resetAt })
    return isWhole
  }

  function count({ key, ...counter }: CounterRow): void {
    known.set(key, counter)
    unkept.set(key, counter)
    timer ??= setTimeout(flush, keepEveryMs).unref()
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    kept = kept.then(keep)
    return kept
  }

  /** One at a time, so that what is forgotten is on the disk as it was counted last. */
  async function keep(): Promise<void> {
    const rows = Array.from(unkept, ([key, counter]) => ({ key, ...counter }))
    if (rows.length === 0) return
    unkept.clear()
    try {
      await write('keepCounters', rows)
    } catch {
      // The disk refused: what counts is what is on it.
      for (const { key } of rows) if (!unkept.has(key)) known.delete(key)
      wholes.clear()
    }
    if (known.size < mostKnown) return
    for (const key of known.keys()) if (!unkept.has(key)) known.delete(key)
    wholes.clear()
  }

  // A share is a row of its own: it belongs to the window that ends when it does.
  const spend: Spend = (key, windowMs, by, amount) => {
    const share = `${key} ${by}`
    const at = now()
    const window = look(key)
    const isOpen = window !== undefined && window.resetAt > at && window.resetAt <= at + windowMs
    const resetAt = isOpen ? window.resetAt : at + windowMs
    const before = isOpen ? look(share) : undefined
    const said = before?.resetAt === resetAt ? before.count : 0
    const total = (isOpen ? window.count : 0) - said + amount
    count({ key, count: total, resetAt })
    count({ key: share, count: amount, resetAt })
    return { total }
  }
  return { spend, flush }
}
