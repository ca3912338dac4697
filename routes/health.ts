import type { FastifyInstance } from 'fastify'

/** What must hold for the server to take messages, by name. A check fails where it rejects or answers false. */
export interface HealthOptions {
  readonly checks: Readonly<Record<string, () => unknown>>
}

/** `GET /health/live`: the process answers. `GET /health/ready`: it can keep and work a message; 503 where a check fails. */
export async function health(app: FastifyInstance, { checks }: HealthOptions): Promise<void> {
  app.get('/health/live', async () => ({ live: true }))

  app.get('/health/ready', async (_request, reply) => {
    const results = await Promise.all(Object.entries(checks).map(([name, check]) => outcome(name, check)))
    const ready = results.every(({ ok }) => ok)
    return reply.code(ready ? 200 : 503).send({ ready, checks: results })
  })
}

async function outcome(name: string, check: () => unknown): Promise<{ name: string; ok: boolean }> {
  try {
    return { name, ok: (await check()) !== false }
  } catch {
    return { name, ok: false }
  }
}
