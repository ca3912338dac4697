import rateLimiter from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Failure } from '../src/frames/failure.ts'
import { countersOf } from './rate-counters.ts'

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

type Counted = Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>

function waitOf(counted: Counted): number {
  return !counted.isAllowed && counted.isExceeded ? Math.max(1, counted.ttlInSeconds) : 0
}
