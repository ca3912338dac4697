import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { keptSecretSchema, readKept } from './kept-secret.ts'
import { Secret } from './secret.ts'
import type { SecretSource } from './secrets.ts'

const fileSchema = z.strictObject({
  tenants: z.record(z.string(), z.record(z.string(), keptSecretSchema))
})

/**
 * Secrets in a JSON file, `{"tenants": {"AC…": {"crm-token": {"value": "…", "tools": ["crm__*"]}}}}`, which is read anew for each
 * lookup. Throws an Error that says what to do where it cannot be read now.
 */
export function openFileSource(path: string): SecretSource {
  const first = readNow(path)
  return {
    async read(tenant, name) {
      const secrets = ownOf(parse(await readFile(path, 'utf8')).tenants, tenant)
      const told = secrets === undefined ? undefined : ownOf(secrets, name)
      return told === undefined ? null : readKept(told)
    },
    known: () => Object.values(first.tenants).flatMap(each => Object.values(each).map(({ value }) => new Secret(value)))
  }
}

function readNow(path: string): z.infer<typeof fileSchema> {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch {
    throw new Error(
      'SECRETS names a file that cannot be read, or does not fit {"tenants": {"AC…": {"name": {"value": "…"}}}}: check its path, its rights and its JSON.'
    )
  }
}

/** What is wrong with the text is not told: a message of the parser would quote it. */
function parse(text: string): z.infer<typeof fileSchema> {
  try {
    const parsed = fileSchema.safeParse(JSON.parse(text))
    if (parsed.success) return parsed.data
  } catch {}
  throw new Error('the file of secrets does not fit')
}

function ownOf<V>(values: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined
}
