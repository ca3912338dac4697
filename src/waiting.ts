import { setTimeout as wait } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { earlyReplies } from '../plugins/error-replies.ts'
import { health } from '../routes/health.ts'
import type { Log } from './log.ts'
import { absenceOf } from './store-absence.ts'

const retryMs = 2_000
const retryAfterSeconds = 5
const leaveMs = 1_000

/**
 * Calls `open` until the store answers. Meanwhile the port says that the process lives and is not ready, and a signal ends the
 * process. Rejects with what else `open` rejects with, and where the port cannot be had.
 */
export async function waitForStore<T>(
  open: () => Promise<T>,
  { host, port, log }: { readonly host: string; readonly port: number; readonly log: Log }
): Promise<T> {
  const grace = closeWithGrace({ delay: leaveMs, logger: false, skip: noSignals }, async () => {
    log.observe('server.stopped', { code: 'signal' })
    await log.flush()
  })
  let app: FastifyInstance | undefined
  let told: string | undefined
  try {
    while (true) {
      try {
        return await open()
      } catch (error) {
        const cause = absenceOf(error)
        if (cause === null) throw error
        if (cause !== told) log.observe('store.waiting', { cause })
        told = cause
      }
      app ??= await listen(host, port)
      await wait(retryMs)
    }
  } finally {
    grace.uninstall()
    await app?.close()
  }
}

// An error that nobody catches ends the process with its stack, as it does before anything listens.
const noSignals: closeWithGrace.AllEvents[] = ['uncaughtException', 'unhandledRejection', 'beforeExit']

/** Listens for a server that cannot work yet: whoever calls is told to come again, and nothing about why. */
async function listen(host: string, port: number): Promise<FastifyInstance> {
  const app = Fastify({
    ...earlyReplies,
    frameworkErrors: (_error, _request, reply) => void comeAgain(reply),
    logger: false,
    forceCloseConnections: true
  })
  // Before a body is read: what it holds does not matter.
  app.addHook('onRequest', async (request, reply) => (request.is404 ? comeAgain(reply) : undefined))
  await app.register(health, { checks: { store: () => false } })
  await app.listen({ host, port })
  return app
}

function comeAgain(reply: FastifyReply): FastifyReply {
  return reply.code(503).header('retry-after', retryAfterSeconds).send()
}
