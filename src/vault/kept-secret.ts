import { z } from 'zod'
import { Secret } from './secret.ts'
import type { KeptSecret } from './secrets.ts'

/** What a secret looks like in a file or a vault: `tools` as a list, or comma-separated. */
export const keptSecretSchema = z.strictObject({
  value: z.string().min(1).max(65_536),
  tools: z
    .union([z.array(z.string()), z.string().transform(text => text.split(',').map(each => each.trim()))])
    .pipe(z.array(z.string().regex(/^[a-z][a-z0-9_-]*\*?$|^\*$/)))
    .optional()
})

/** Reads one secret as a source tells it. Throws an Error without a word of it where it has another shape. */
export function readKept(told: unknown): KeptSecret {
  const parsed = keptSecretSchema.safeParse(told)
  if (!parsed.success) throw new Error('the secret is not kept as {"value": …, "tools": …}')
  const { value, tools } = parsed.data
  return { value: new Secret(value), tools }
}
