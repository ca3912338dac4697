import { z } from 'zod'
import { jcs } from '../frames/jcs.ts'
import type { AuditHead } from '../store/audit-block.ts'
import { type AuditKey, isSignedBy } from '../vault/audit-key.ts'

const shape = z.strictObject({
  type: z.literal('head'),
  tenant: z.string(),
  n: z.number().int().positive(),
  hash: z.string(),
  /** When it was signed, ISO 8601. */
  at: z.string(),
  /** The public key, base64url. */
  key: z.string(),
  /** Ed25519 over `knomly audit head`, a line break and the canonical JSON of at, hash, n and tenant; base64url. */
  signature: z.string()
})

/** The newest block of a tenant at an instant, signed: a copy of it elsewhere shows whether the chain up to it was touched since. */
export type SignedHead = z.infer<typeof shape>

/** Signs a head; `now` is in ms. */
export function signHead({ tenant, n, hash }: AuditHead, key: AuditKey, now: number): SignedHead {
  const said = { tenant, n, hash, at: new Date(now).toISOString() }
  return { type: 'head', ...said, key: key.publicKey, signature: key.sign(textOf(said)) }
}

/** Whether a head was signed by the key that it names. */
export function isGenuine({ key, signature, ...said }: SignedHead): boolean {
  return isSignedBy(key, textOf(said), signature)
}

/** Reads a head from a line; null for anything else. */
export function parseHead(line: string): SignedHead | null {
  try {
    return shape.parse(JSON.parse(line))
  } catch {
    return null
  }
}

function textOf({ at, hash, n, tenant }: Pick<SignedHead, 'at' | 'hash' | 'n' | 'tenant'>): string {
  return `knomly audit head\n${jcs({ at, hash, n, tenant })}`
}
