import type { Collections } from './collections.ts'
import { isDuplicate } from './connection.ts'
import { grouped, writeLingerMs } from './grouped.ts'
import type { ServerTime } from './server-time.ts'

// A counter is not worth the wait for the majority: a failover may forget the last moments of it.
const counting = { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } } as const

/** What somebody says they use of the sum of a window. */
interface Use {
  readonly key: string
  readonly windowMs: number
  readonly by: string
  readonly amount: number
}

type Spent = { total: number }

/** Counters in fixed windows by the server's clock, shared by all replicas. */
export function createLimits(limits: Collections['limits'], time: ServerTime) {
  /** A window that ends later than one window from now was opened before the clock was set back: it is over. */
  function windowOf(ms: number) {
    const end = time.after(ms)
    return { end, isOpen: { $and: [{ $gt: ['$resetAt', time.now] }, { $lte: ['$resetAt', end] }] } }
  }

  async function take(key: string, windowMs: number): Promise<{ count: number; resetMs: number }> {
    const { end, isOpen } = windowOf(windowMs)
    const doc = await limits.findOneAndUpdate(
      { _id: key },
      [
        {
          $set: {
            count: { $cond: [isOpen, { $add: ['$count', 1] }, 1] },
            resetAt: { $cond: [isOpen, '$resetAt', end] },
            seenAt: time.now
          }
        }
      ],
      counting
    )
    if (doc === null) throw new TypeError('an upsert answered nothing')
    return { count: doc.count, resetMs: doc.resetAt.getTime() - doc.seenAt.getTime() }
  }

  /** Sets the share of a user in the sum of its window; each share remembers the sum as it stood with it. */
  function sharing({ windowMs, by, amount }: Use) {
    const { end, isOpen } = windowOf(windowMs)
    const isOther = { $ne: ['$$this.by', { $literal: by }] }
    const said = { $reduce: { input: '$shares', initialValue: 0, in: sumUnless(isOther) } }
    const others = { $filter: { input: '$shares', as: 'this', cond: isOther } }
    const ours = amount === 0 ? [] : [{ by: { $literal: by }, amount, total: '$count' }]
    return [
      {
        $set: {
          count: { $add: [{ $cond: [isOpen, '$count', 0] }, amount] },
          shares: { $cond: [isOpen, { $ifNull: ['$shares', []] }, []] },
          resetAt: { $cond: [isOpen, '$resetAt', end] },
          seenAt: time.now
        }
      },
      { $set: { count: { $subtract: ['$count', said] } } },
      { $set: { shares: { $slice: [{ $concatArrays: [others, ours] }, -mostShares] } } }
    ]
  }

  async function spendOne(use: Use): Promise<Spent> {
    const doc = await limits.findOneAndUpdate({ _id: use.key }, sharing(use), { ...counting, projection: { count: 1 } })
    if (doc === null) throw new TypeError('an upsert answered nothing')
    return { total: doc.count }
  }

  /** Many in two calls. What others add in between is not counted against a use: its share knows the sum of its own moment. */
  async function spendAll(uses: readonly Use[]): Promise<Spent[]> {
    const [first, ...more] = uses
    if (first !== undefined && more.length === 0) return [await spendOne(first)]
    const writes = uses.map(use => ({ updateOne: { filter: { _id: use.key }, update: sharing(use), upsert: true } }))
    await limits.bulkWrite(writes, { ordered: false, writeConcern: counting.writeConcern })
    const ours = { $in: ['$$this.by', { $literal: uses.map(({ by }) => by) }] }
    const projection = { count: 1, shares: { $filter: { input: '$shares', cond: ours } } }
    const docs = await limits.find({ _id: { $in: uses.map(({ key }) => key) } }, { projection }).toArray()
    const byKey = new Map(docs.map(doc => [doc._id, doc]))
    return uses.map(({ key, by }) => {
      const doc = byKey.get(key)
      if (doc === undefined) throw new TypeError('an upsert left nothing')
      return { total: doc.shares?.find(share => share.by === by)?.total ?? doc.count }
    })
  }

  const spend = grouped(twice(spendAll), writeLingerMs)
  return {
    take: twice(take),
    spend: (key: string, windowMs: number, by: string, amount: number) => spend({ key, windowMs, by, amount })
  }
}

/** A document is rewritten whole at each use. */
const mostShares = 1_000

function sumUnless(isOther: object): object {
  return { $cond: [isOther, '$$value', { $add: ['$$value', '$$this.amount'] }] }
}

/** Of two upserts of a new key the second fails, and then finds what the first one made. */
function twice<A extends unknown[], T>(write: (...given: A) => Promise<T>): (...given: A) => Promise<T> {
  return async (...given) => {
    try {
      return await write(...given)
    } catch (error) {
      if (isDuplicate(error)) return write(...given)
      throw error
    }
  }
}
