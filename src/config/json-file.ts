import { readFileSync } from 'node:fs'
import type { z } from 'zod'

/**
 * Reads the JSON file that the variable `name` points to; null where it does not fit, and then `explain` says why in sentences that go to
 * `problems`. They repeat no value: somebody may have put a secret there.
 */
export function readJsonFile<S extends z.ZodType>(
  { name, path, schema }: { name: string; path: string; schema: S },
  problems: string[],
  explain: (issues: readonly z.core.$ZodIssue[]) => readonly string[]
): z.infer<S> | null {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    problems.push(`${name} cannot be read as JSON: check the path and the file.`)
    return null
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  problems.push(...explain(parsed.error.issues))
  return null
}
