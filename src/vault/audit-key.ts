import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { Entropy } from '../frames/entropy.ts'
import type { KeptKey } from './index-key.ts'
import type { MasterKeys } from './master-keys.ts'

/** What the wrapped private half is bound to. */
export const auditKeyLabel = 'knomly audit key'
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The key that signs the heads of the audit; the public one is the 32 bytes of Ed25519, base64url. */
export interface AuditKey {
  readonly publicKey: string
  /** The signature of a text, base64url. */
  sign(text: string): string
}

/**
 * Opens the key that signs heads, or makes it on the first start. It is kept as its public half, a point, and the private one wrapped
 * by the master key. Throws a plain Error where the master key does not open it, or the public half is another one's.
 */
export async function openAuditKey(masterKeys: MasterKeys, kept: KeptKey, entropy: Entropy): Promise<AuditKey> {
  const there = await kept.read()
  if (there !== null) return unwrapAuditKey(masterKeys, there)
  const seed = entropy.bytes(32)
  const made = toKey(seed)
  const wrapped = masterKeys.wrap(auditKeyLabel, seed, null)
  if (await kept.write(`${made.publicKey}.${wrapped}`)) return made
  return openAuditKey(masterKeys, kept, entropy)
}

/** Opens the key as it is kept. Throws a plain Error as `openAuditKey` does. */
export function unwrapAuditKey(masterKeys: MasterKeys, kept: string): AuditKey {
  const [publicKey, wrapped = ''] = kept.split('.')
  const key = toKey(unwrap(masterKeys, wrapped))
  if (key.publicKey === publicKey) return key
  throw new Error('The public key of the audit that is in the store is not that of its private one: it was replaced.')
}

/** The public half of a key as it is kept: nobody vouches for it where the master key is not there to open the other. */
export function publicHalf(kept: string): string {
  return kept.split('.')[0] ?? ''
}

/** Whether a signature is that of a text by the owner of a public key. False also for what is no key and no signature. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
    const bytes = Buffer.from(signature, 'base64url')
    return bytes.toString('base64url') === signature && verify(null, Buffer.from(text), key, bytes)
  } catch {
    return false
  }
}

function toKey(seed: Buffer): AuditKey {
  const key: KeyObject = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
  return {
    publicKey: String(createPublicKey(key).export({ format: 'jwk' }).x),
    sign: text => sign(null, Buffer.from(text), key).toString('base64url')
  }
}

function unwrap(masterKeys: MasterKeys, wrapped: string): Buffer {
  const found = masterKeys.unwrap(auditKeyLabel, wrapped)
  if (found !== null) return found.key
  throw new Error(
    'The master key does not open the audit key: use the MASTER_KEY (or DATA_DIR/master.key) of this store.'
  )
}
