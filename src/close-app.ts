import type { FastifyInstance } from 'fastify'

// Longer than a webhook may take to be answered (durability rule 0.1).
const answerMs = 5_000
const lookMs = 100

/** Closes the HTTP side: requests under way are answered, connections that carry none are let go, and silent ones wait no longer than an answer takes. */
export async function closeApp(app: FastifyInstance): Promise<void> {
  const idle = setInterval(() => app.server.closeIdleConnections(), lookMs)
  const silent = setTimeout(() => app.server.closeAllConnections(), answerMs)
  await app.close()
  clearInterval(idle)
  clearTimeout(silent)
}
