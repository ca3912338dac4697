import rateLimiter, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Failure } from '../src/frames/failure.ts'
import type { System } from './system.ts'

declare module 'fastify' {
  interface FastifyInstance {
    limits: {
      /** Counts a refusal of the request's address; answers the seconds to wait where it has had too many, else 0. */
      refusal(request: FastifyRequest): Promise<number>
      /** Counts a message of a sender, by pseudonym; answers whether that was one too many. Rejects with STORE_UNAVAILABLE. */
      sender(request: FastifyRequest, principal: string): Promise<boolean>
      /** Stands before the operator API (`onRequest`); throws RATE_LIMITED. */
      api: preHandlerAsyncHookHandler
    }
  }
  interface FastifyRequest {
    principal: string
  }
}

const timeWindow = 60_000
const apiRequests = 100

/** Adds `app.limits`: refusals and API requests are counted here by address, messages by sender in the store, for all processes. */
export const rateLimit = fp(
  async app => {
    const { config } = app.system
    await app.register(rateLimiter, { global: false, store: countersOf(app.system) })
    const refusals = app.createRateLimit({ max: config.rateLimitPerIp, timeWindow })
    const bySender = { keyGenerator: (request: FastifyRequest) => request.principal, countedIn: 'store' }
    const messages = app.createRateLimit({ max: config.rateLimitPerSender, timeWindow, ...bySender })
    app.decorateRequest('principal', '')
    app.decorate('limits', {
      refusal: async request => (config.rateLimitPerIp === 0 ? 0 : waitOf(await refusals(request))),
      sender: async (request, principal) => {
        if (config.rateLimitPerSender === 0) return false
        request.principal = principal
        return waitOf(await messages(request)) > 0
      },
      api: app.rateLimit({ max: apiRequests, timeWindow, errorResponseBuilder: () => new Failure('RATE_LIMITED') })
    })
  },
  { name: 'rate-limit', dependencies: ['system'] }
)

type Counted = Awaited<ReturnType<ReturnType<import('fastify').FastifyInstance['createRateLimit']>>>

function waitOf(counted: Counted): number {
  return !counted.isAllowed && counted.isExceeded ? Math.max(1, counted.ttlInSeconds) : 0
}

/** The store class that @fastify/rate-limit makes once; each limiter gets a child of it, which sees the limiter's own options. */
function countersOf({ store, clock }: Pick<System, 'store' | 'clock'>) {
  return class {
    incr: FastifyRateLimitStore['incr'] = () => {
      throw new Error('only a child counts')
    }

    child(options: object): FastifyRateLimitStore {
      return 'countedIn' in options ? inStore(store) : inMemory(clock)
    }
  }
}

function inStore(store: System['store']): FastifyRateLimitStore {
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

const maxAddresses = 10_000

/** Counts in one window for all, and forgets the oldest key beyond a bound: a forger costs no disk and no more memory than this. */
function inMemory(clock: System['clock']): FastifyRateLimitStore {
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
        if (counts.size < maxAddresses || counts.has(key)) break
        counts.delete(oldest)
      }
      counts.set(key, current)
      callback(null, { current, ttl: endsAt - now })
    }
  }
  return counter
}
