import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

/** Headers for answers that an operator's browser may see: nothing of them is run, framed, guessed at or kept. */
export const securityHeaders = fp(
  async app => {
    await app.register(helmet, {
      xFrameOptions: { action: 'deny' },
      contentSecurityPolicy: {
        useDefaults: false,
        directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }
      }
    })
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
  },
  { name: 'security-headers' }
)
