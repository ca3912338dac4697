import type { FastifyRateLimitStore } from '@fastify/rate-limit'
import type { System } from './system.ts'

const maxKeys = 10_000

/** The store class that @fastify/rate-limit makes once; each limiter gets a child of it, which sees the limiter's own options. */
export function countersOf({ store, clock }: Pick<System, 'store' | 'clock'>) {
  return class {
    incr: FastifyRateLimitStore['incr'] = () => {
      throw new Error('only a child counts')
    }

    child(options: object): FastifyRateLimitStore {
      return 'countedIn' in options ? countInStore(store) : countInMemory(clock)
    }
  }
}

/** Counts in one window for all, and forgets the oldest key beyond a bound: a forger costs no disk and no more memory than this. */
export function countInMemory(clock: System['clock']): FastifyRateLimitStore {
  const counts = new Map<string, number>()
  let endsAt = 0
  const counter: FastifyRateLimitStore = {
    child: () => counter,
    incr: (key, callback, windowMs) => {
      const now = clock.monotonic()
      if (now >= endsAt) {
        counts.clear()
        endsAt = now + windowMs
      }
      const current = (counts.get(key) ?? 0) + 1
      for (const oldest of counts.keys()) {
        if (counts.size < maxKeys || counts.has(key)) break
        counts.delete(oldest)
      }
      counts.set(key, current)
      callback(null, { current, ttl: endsAt - now })
    }
  }
  return counter
}

function countInStore(store: System['store']): FastifyRateLimitStore {
  const counter: FastifyRateLimitStore = {
    child: () => counter,
    incr: (key, callback, windowMs) => {
      store.take(`sender:${key}`, windowMs).then(
        ({ count, resetMs }) => callback(null, { current: count, ttl: resetMs }),
        (error: Error) => callback(error)
      )
    }
  }
  return counter
}
