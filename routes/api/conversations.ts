import fp from 'fastify-plugin'
import { z } from 'zod'
import { Failure } from '../../src/frames/failure.ts'
import type { Store } from '../../src/store/store.ts'

export interface ConversationsOptions {
  readonly store: Pick<Store, 'conversations' | 'conversation'>
}

const limit = z.coerce.number().int().min(1).max(100).default(50)
const page = z.strictObject({ after: z.string().min(1).max(500).optional(), limit })
const size = z.strictObject({ limit })
const one = z.strictObject({ id: z.string().max(200) })

/** `GET /api/conversations`, newest first, and `GET /api/conversations/:id` with its newest executions. */
export const conversations = fp<ConversationsOptions>(
  async (app, { store }) => {
    app.get<{ Querystring: z.infer<typeof page> }>(
      '/api/conversations',
      { schema: { querystring: page } },
      async ({ query: { after, limit } }) => store.conversations({ ...(after === undefined ? {} : { after }), limit })
    )

    app.get<{ Params: z.infer<typeof one>; Querystring: z.infer<typeof size> }>(
      '/api/conversations/:id',
      { schema: { params: one, querystring: size } },
      async ({ params, query }) => {
        const conversation = await store.conversation(params.id, query.limit)
        if (conversation === null) throw new Failure('NOT_FOUND')
        return conversation
      }
    )
  },
  { name: 'api-conversations', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)
