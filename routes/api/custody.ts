import { Readable } from 'node:stream'
import fp from 'fastify-plugin'
import { z } from 'zod'
import type { Custody } from '../../src/inbox/custody.ts'

export interface CustodyOptions {
  readonly custody: Custody
}

// In the body, because a path may be written down on its way.
const person = z.strictObject({ address: z.string().min(1).max(200), account: z.string().max(100).optional() })

/** `POST /api/users/export` (JSON lines), `POST /api/users/erase` and `POST /api/keys/rotate`. */
export const custody = fp<CustodyOptions>(
  async (app, { custody }) => {
    const about = { schema: { body: person }, bodyLimit: 1_024 }

    app.post<{ Body: z.infer<typeof person> }>('/api/users/export', about, async ({ body }, reply) =>
      reply.type('application/x-ndjson').send(Readable.from(custody.exportUser(body.address, body.account)))
    )

    app.post<{ Body: z.infer<typeof person> }>('/api/users/erase', about, async ({ body }) => ({
      erased: await custody.eraseUser(body.address, body.account)
    }))

    app.post('/api/keys/rotate', { bodyLimit: 1_024 }, async () => ({ rotated: await custody.rotateKeys() }))
  },
  { name: 'api-custody', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)
