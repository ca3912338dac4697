import { z } from 'zod'

/** An audit record as a line of a backup, or of an export. */
export const auditLine = z.strictObject({
  type: z.literal('audit'),
  id: z.string(),
  tenant: z.string(),
  at: z.number(),
  actor: z.string(),
  action: z.string(),
  execution: z.string().nullable(),
  outcome: z.string().nullable(),
  detail: z.string(),
  hash: z.string(),
  // In the first version of a backup there were no blocks.
  block: z.number().nullable().default(null)
})

/** A block of audit records as a line of a backup, or of an export. */
export const blockLine = z.strictObject({
  type: z.literal('block'),
  tenant: z.string(),
  n: z.number(),
  previous: z.string(),
  at: z.number(),
  until: z.number(),
  count: z.number(),
  root: z.string(),
  content: z.string().nullable(),
  hash: z.string()
})
