import fp from 'fastify-plugin'
import { z } from 'zod'
import type { State } from '../../src/frames/execution.ts'

/** What an operator found out about an effect whose outcome nobody recorded. */
export type KnownEffect = 'happened' | 'did not happen'

export interface InboxOptions {
  /** Rejects with NOT_FOUND, NOT_RETRYABLE or EFFECT_UNDECIDED. */
  readonly retry: (id: string, effect?: KnownEffect) => Promise<State>
}

const one = z.strictObject({ id: z.string().max(200) })
const decision = z.strictObject({ effect: z.enum(['happened', 'did not happen']).optional() }).nullable()

/** `POST /api/inbox/:id/retry`: sends an execution that ended badly back to work, and answers its new state. */
export const inbox = fp<InboxOptions>(
  async (app, { retry }) => {
    app.post<{ Params: z.infer<typeof one>; Body: z.infer<typeof decision> }>(
      '/api/inbox/:id/retry',
      { schema: { params: one, body: decision }, bodyLimit: 1_024 },
      async ({ params, body }) => ({ id: params.id, state: await retry(params.id, body?.effect) })
    )
  },
  { name: 'api-inbox', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)
