import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Entropy } from '../frames/entropy.ts'

const nonceBytes = 12
const tagBytes = 16

/** Seals bytes under a 32-byte key with AES-256-GCM; `label` says what they are and must be the same to open them. A key made once costs a fifth of its bytes given each time. */
export function seal(key: KeyObject, label: string, plain: Uint8Array, entropy: Entropy): Buffer {
  const nonce = entropy.bytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(label))
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()])
}

/** Opens what `seal` made. Throws where the key or the label is another, or a byte was changed. */
export function open(key: KeyObject, label: string, sealed: Buffer): Buffer {
  const nonce = sealed.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    .setAAD(Buffer.from(label))
    .setAuthTag(sealed.subarray(-tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
}
