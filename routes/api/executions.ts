import fp from 'fastify-plugin'
import { z } from 'zod'
import { Failure } from '../../src/frames/failure.ts'
import type { Frame } from '../../src/frames/frame.ts'
import type { Store } from '../../src/store/store.ts'

export interface ExecutionsOptions {
  readonly store: Pick<Store, 'read'>
}

const one = z.strictObject({ id: z.string().max(200) })

/**
 * `GET /api/executions/:id`: one execution and everything that came of it. A purged one has `n` frames and shows none; nor does one whose
 * content was erased or cannot be opened, which `closed` says.
 */
export const executions = fp<ExecutionsOptions>(
  async (app, { store }) => {
    app.get<{ Params: z.infer<typeof one> }>('/api/executions/:id', { schema: { params: one } }, async ({ params }) => {
      const found = await store.read(params.id)
      if (found === null) throw new Failure('NOT_FOUND')
      const { id, lane, tenant, state, at, n, closed, frames } = found
      return { id, lane, tenant, state, at, n, ...(closed && { closed }), frames: frames.map(shown) }
    })
  },
  { name: 'api-executions', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)

/** The salt stays inside: once it is destroyed, a commitment that was seen must not betray a short sentence. */
function shown({ id, n, kind, v, parent, at, provenance, data, commitment, hash }: Frame) {
  return { id, n, kind, v, parent, at, provenance, data, commitment, hash }
}
