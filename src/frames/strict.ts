import { z } from 'zod'

/**
 * An object of these keys and no other. What it parses has them in the order of the canonical text (JCS), which then need not be
 * sorted for each hash.
 */
export function strict<S extends z.ZodRawShape>(shape: S) {
  const sorted = Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1))
  return z.strictObject(Object.fromEntries(sorted) as S)
}
