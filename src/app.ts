import Fastify, { type FastifyInstance } from 'fastify'
import { answerTimes } from '../plugins/answer-times.ts'
import { earlyReplies, errorReplies, webhookReplies } from '../plugins/error-replies.ts'
import { formBody } from '../plugins/form-body.ts'
import { operatorLogin } from '../plugins/operator-login.ts'
import { rateLimit } from '../plugins/rate-limit.ts'
import { securityHeaders } from '../plugins/security-headers.ts'
import { system as systemPlugin } from '../plugins/system.ts'
import { twilioSignature } from '../plugins/twilio-signature.ts'
import { unpaddedSignature } from '../plugins/unpadded-signature.ts'
import { zodValidation } from '../plugins/zod-validation.ts'
import { approvals } from '../routes/api/approvals.ts'
import { audit } from '../routes/api/audit.ts'
import { conversations } from '../routes/api/conversations.ts'
import { custody } from '../routes/api/custody.ts'
import { executions } from '../routes/api/executions.ts'
import { inbox } from '../routes/api/inbox.ts'
import { switches } from '../routes/api/switches.ts'
import { tools } from '../routes/api/tools.ts'
import { health } from '../routes/health.ts'
import { metrics as metricsRoute } from '../routes/metrics.ts'
import { messages } from '../routes/webhooks/twilio/messages.ts'
import { status } from '../routes/webhooks/twilio/status.ts'
import { serverTenant } from './audit/server-acts.ts'
import type { Metrics } from './metrics.ts'
import type { OpenSystem } from './system.ts'

/** Mounts what the server answers, in the order in which it is read here: each guard where its routes are. */
export async function createApp(system: OpenSystem, metrics: Metrics): Promise<FastifyInstance> {
  const { config, store, worker } = system
  const app = Fastify({
    ...earlyReplies,
    logger: false,
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    forceCloseConnections: 'idle',
    requestTimeout: 15_000,
    return503OnClosing: true
  })
  await app.register(systemPlugin, { system })
  await app.register(rateLimit)
  await app.register(errorReplies)
  await app.register(unpaddedSignature)

  await app.register(
    async webhooks => {
      await webhooks.register(answerTimes, { event: 'webhook.answered' })
      await webhooks.register(webhookReplies)
      await webhooks.register(formBody)
      await webhooks.register(twilioSignature)
      await webhooks.register(messages)
      await webhooks.register(status)
    },
    { prefix: '/webhooks/twilio' }
  )

  await app.register(health, { checks: { store: () => store.ready(), worker: () => worker.isAlive() } })
  await app.register(metricsRoute, { metrics })

  await app.register(async api => {
    await api.register(answerTimes, { event: 'api.answered' })
    await api.register(securityHeaders)
    await api.register(zodValidation)
    await api.register(operatorLogin, { token: config.operatorToken })
    await api.register(conversations, { store })
    await api.register(executions, { store })
    await api.register(custody, { custody: system.custody })
    await api.register(inbox, { retry: system.retry })
    await api.register(approvals, { store, tenants: [...system.accounts.keys()], decide: system.decide })
    await api.register(switches, { switches: system.switches })
    await api.register(tools, {
      own: system.tools.own,
      shown: () => system.tools.remote?.shown() ?? [],
      accept: async (name, hash) => system.tools.remote?.accept(name, hash)
    })
    await api.register(audit, { store, tenants: [...system.accounts.keys(), serverTenant] })
  })
  return app
}
