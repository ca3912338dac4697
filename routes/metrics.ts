import type { FastifyInstance } from 'fastify'

export interface MetricsOptions {
  readonly metrics: { readonly contentType: string; text(): Promise<string> }
}

/** `GET /metrics`: the numbers of this process for Prometheus. It needs no token, so the proxy in front must not forward it. */
export async function metrics(app: FastifyInstance, options: MetricsOptions): Promise<void> {
  app.get('/metrics', async (_request, reply) => {
    return reply.type(options.metrics.contentType).send(await options.metrics.text())
  })
}
