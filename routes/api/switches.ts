import fp from 'fastify-plugin'
import { z } from 'zod'
import type { Switches } from '../../src/policy/switches.ts'

export interface SwitchesOptions {
  readonly switches: Pick<Switches, 'list' | 'set'>
}

const one = z.strictObject({ target: z.string().max(200) })
const wanted = z.strictObject({ off: z.boolean() })

/** `GET /api/switches`: what is switched off; `PUT /api/switches/:target` switches it off, or on again. */
export const switches = fp<SwitchesOptions>(
  async (app, { switches }) => {
    app.get('/api/switches', async () => ({ switches: await switches.list() }))

    app.put<{ Params: z.infer<typeof one>; Body: z.infer<typeof wanted> }>(
      '/api/switches/:target',
      { schema: { params: one, body: wanted }, bodyLimit: 1_024 },
      async ({ params: { target }, body: { off } }) => {
        await switches.set(target, off)
        return { target, off }
      }
    )
  },
  { name: 'api-switches', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)
