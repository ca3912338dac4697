import rateLimiter from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { countersOf } from './rate-counters.ts'

declare module 'fastify' {
  interface FastifyInstance {
    limits: {
      /** Counts a refusal of the request's address; answers the seconds to wait where it has had too many, else 0. */
      refusal(request: FastifyRequest): Promise<number>
      /** What counts a message of a tenant's sender, by pseudonym, and answers whether that was one too many; null where there is no limit. Rejects with STORE_UNAVAILABLE. */
      sender(request: FastifyRequest, tenant: string): ((principal: string) => Promise<boolean>) | null
      /** Counts a wrong operator token of the request's address; answers as `refusal`. A right one is never counted. */
      login(request: FastifyRequest): Promise<number>
    }
  }
  interface FastifyRequest {
    principal: string
    messagesPerMinute: number
  }
}

const timeWindow = 60_000
const wrongTokens = 100

/** Adds `app.limits`: refusals and wrong tokens are counted here by address, messages by sender in the store, for all processes. */
export const rateLimit = fp(
  async app => {
    const { config } = app.system
    await app.register(rateLimiter, { global: false, store: countersOf(app.system) })
    const refusals = app.createRateLimit({ max: config.rateLimitPerIp, timeWindow })
    const logins = app.createRateLimit({ max: wrongTokens, timeWindow })
    const bySender = { keyGenerator: (request: FastifyRequest) => request.principal, countedIn: 'store' }
    const max = (request: FastifyRequest) => request.messagesPerMinute
    const messages = app.createRateLimit({ max, timeWindow, ...bySender })
    app.decorateRequest('principal', '')
    app.decorateRequest('messagesPerMinute', 0)
    const count = (request: FastifyRequest) => async (principal: string) => {
      request.principal = principal
      return waitOf(await messages(request)) > 0
    }
    app.decorate('limits', {
      refusal: async request => (config.rateLimitPerIp === 0 ? 0 : waitOf(await refusals(request))),
      sender(request, tenant) {
        request.messagesPerMinute = config.budgetsOf(tenant).messagesPerMinute
        return request.messagesPerMinute === 0 ? null : count(request)
      },
      login: async request => waitOf(await logins(request))
    })
  },
  { name: 'rate-limit', dependencies: ['system'] }
)

type Counted = Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>

function waitOf(counted: Counted): number {
  return !counted.isAllowed && counted.isExceeded ? Math.max(1, counted.ttlInSeconds) : 0
}
