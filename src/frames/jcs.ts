import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'

/** The canonical text of a value (JCS, RFC 8785): what hashes are over. Throws for what is not JSON. */
export function jcs(value: unknown): string {
  if (isInOrder(value)) return JSON.stringify(value)
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('only JSON can be hashed')
  return text
}

/** SHA-256 (hex) of the canonical text of a value. Throws for what is not JSON. */
export function jcsHash(value: unknown): string {
  return hash('sha256', jcs(value), 'hex')
}

/** Whether it is plain JSON with its keys in order already: then the engine's own text is the canonical one, in a fraction of the time. */
function isInOrder(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return value === null || typeof value === 'boolean'
  return Array.isArray(value) ? value.every(isInOrder) : hasKeysInOrder(value as Record<string, unknown>)
}

function hasKeysInOrder(value: Record<string, unknown>): boolean {
  let last: string | undefined
  for (const key of Object.keys(value)) {
    if ((last !== undefined && key <= last) || !key.isWellFormed() || !isInOrder(value[key])) return false
    last = key
  }
  return !('toJSON' in value)
}
