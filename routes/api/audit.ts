import fp from 'fastify-plugin'
import { z } from 'zod'
import type { Store } from '../../src/store/store.ts'

export interface AuditOptions {
  readonly store: Pick<Store, 'auditPage'>
  /** Whose records are shown where nobody is named. */
  readonly tenants: readonly string[]
}

const name = z.string().min(1).max(200).optional()
const instant = z.iso.datetime({ offset: true }).optional()
const query = z.strictObject({
  actor: name,
  action: name,
  execution: name,
  tenant: name,
  from: instant,
  to: instant,
  after: z.string().min(1).max(500).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50)
})

/** `GET /api/audit`: what was done and refused, newest first, from `from` on and before `to`. */
export const audit = fp<AuditOptions>(
  async (app, { store, tenants }) => {
    app.get<{ Querystring: z.infer<typeof query> }>(
      '/api/audit',
      { schema: { querystring: query } },
      async ({ query: { tenant, ...asked } }) =>
        store.auditPage({ ...asked, tenants: tenant === undefined ? tenants : [tenant] })
    )
  },
  { name: 'api-audit', dependencies: ['operator-login', 'zod-validation'], encapsulate: true }
)
