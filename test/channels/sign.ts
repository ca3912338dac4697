import { createHmac } from 'node:crypto'

/** A signer that shares nothing with the check: it walks a sorted record of sets. */
export function sign(url: string, form: readonly (readonly [string, string])[], secret: string, hash = 'sha1'): string {
  const values: Record<string, Set<string>> = Object.create(null)
  for (const [key, value] of form) {
    values[key] ??= new Set()
    values[key].add(value)
  }
  const keys = Object.keys(values).sort()
  const text = keys
    .map(key =>
      [...(values[key] ?? [])]
        .sort()
        .map(value => key + value)
        .join('')
    )
    .join('')
  return createHmac(hash, secret)
    .update(url + text, 'utf8')
    .digest()
    .toString('base64')
}
