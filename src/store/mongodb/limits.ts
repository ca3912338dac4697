import type { Collections } from './collections.ts'
import { isDuplicate } from './connection.ts'
import type { ServerTime } from './server-time.ts'

// A counter is not worth the wait for the majority: a failover may forget the last moments of it.
const counting = { upsert: true, returnDocument: 'after', writeConcern: { w: 1 } } as const

/** Counters in fixed windows by the server's clock, shared by all replicas. */
export function createLimits(limits: Collections['limits'], time: ServerTime) {
  async function take(key: string, windowMs: number): Promise<{ count: number; resetMs: number }> {
    const end = time.after(windowMs)
    // A window that ends later than one window from now was opened before the clock was set back: it is over.
    const isOpen = { $and: [{ $gt: ['$resetAt', time.now] }, { $lte: ['$resetAt', end] }] }
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

  async function spend(key: string, windowMs: number, by: string, amount: number): Promise<{ total: number }> {
    const end = time.after(windowMs)
    const isOpen = { $and: [{ $gt: ['$resetAt', time.now] }, { $lte: ['$resetAt', end] }] }
    const isOther = { $ne: ['$$this.by', { $literal: by }] }
    const said = { $reduce: { input: '$shares', initialValue: 0, in: sumUnless(isOther) } }
    const others = { $filter: { input: '$shares', as: 'this', cond: isOther } }
    const ours = amount === 0 ? [] : [{ by: { $literal: by }, amount }]
    const doc = await limits.findOneAndUpdate(
      { _id: key },
      [
        {
          $set: {
            count: { $cond: [isOpen, '$count', 0] },
            shares: { $cond: [isOpen, { $ifNull: ['$shares', []] }, []] },
            resetAt: { $cond: [isOpen, '$resetAt', end] },
            seenAt: time.now
          }
        },
        {
          $set: {
            count: { $add: ['$count', { $subtract: [amount, said] }] },
            shares: { $slice: [{ $concatArrays: [others, ours] }, -mostShares] }
          }
        }
      ],
      counting
    )
    if (doc === null) throw new TypeError('an upsert answered nothing')
    return { total: doc.count }
  }

  return { take: twice(take), spend: twice(spend) }
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
