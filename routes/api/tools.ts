import fp from 'fastify-plugin'
import { z } from 'zod'
import type { Tool } from '../../src/tools/tool.ts'

/** What the routes need of the tools there are. */
export interface ToolsOptions {
  readonly own: readonly Pick<Tool, 'name' | 'class' | 'schemaHash'>[]
  readonly shown: () => readonly object[]
  readonly accept: (name: string, hash: string) => Promise<void>
}

const one = z.strictObject({ name: z.string().max(200) })
const wanted = z.strictObject({ accept: z.string().regex(/^[0-9a-f]{64}$/) })

/** `GET /api/tools`: every tool with its class, hash and state; `POST /api/tools/:name {accept: hash}` takes a changed one as it is. */
export const tools = fp<ToolsOptions>(
  async (app, { own, shown, accept }) => {
    app.get('/api/tools', async () => ({
      tools: [
        ...own.map(({ name, class: toolClass, schemaHash }) => {
          return { name, server: null, class: toolClass, hash: schemaHash, state: 'offered' }
        }),
        ...shown()
      ]
    }))

    app.post<{ Params: z.infer<typeof one>; Body: z.infer<typeof wanted> }>(
      '/api/tools/:name',
      { schema: { params: one, body: wanted }, bodyLimit: 1_024 },
      async ({ params: { name }, body: { accept: hash } }) => {
        await accept(name, hash)
        return { name, hash }
      }
    )
  },
  { name: 'api-tools', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)
