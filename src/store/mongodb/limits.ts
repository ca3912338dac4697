import type { Collections } from './collections.ts'
import { isDuplicate } from './connection.ts'
import type { ServerTime } from './server-time.ts'

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
      { upsert: true, returnDocument: 'after' }
    )
    if (doc === null) throw new TypeError('an upsert answered nothing')
    return { count: doc.count, resetMs: doc.resetAt.getTime() - doc.seenAt.getTime() }
  }

  return {
    async take(key: string, windowMs: number): Promise<{ count: number; resetMs: number }> {
      try {
        return await take(key, windowMs)
      } catch (error) {
        // Two upserts of a new key: the second finds what the first one made.
        if (isDuplicate(error)) return take(key, windowMs)
        throw error
      }
    }
  }
}
