import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Entropy } from './entropy.ts'

const nonceBytes = 12
const tagBytes = 16

/** Seals bytes under a 32-byte key with AES-256-GCM; `label` says what they are and must be the same to open them. A key made once costs a fifth of its bytes given each time. */
export function seal(key: KeyObject, label: string, plain: Uint8Array, entropy: Entropy): Buffer {
  return Buffer.concat(sealed(key, label, plain, entropy))
}

/** Opens what `seal` made. Throws where the key or the label is another, or a byte was changed. */
export function open(key: KeyObject, label: string, sealed: Buffer): Buffer {
  const nonce = sealed.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    .setAAD(Buffer.from(label))
    .setAuthTag(sealed.subarray(-tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()])
}

/** Content with all that sealing it takes. It can be sent to another thread, and is closed by whoever writes it down. */
export interface Envelope {
  readonly key: KeyObject
  /** Hex; what is sealed begins with it. */
  readonly keyId: string
  readonly label: string
  readonly content: string | Uint8Array
}

/** Seals the content of an envelope: the id of the key, and what `seal` makes. */
export function close({ key, keyId, label, content }: Envelope, entropy: Entropy): Buffer {
  const plain = typeof content === 'string' ? Buffer.from(content) : content
  return Buffer.concat([Buffer.from(keyId, 'hex'), ...sealed(key, label, plain, entropy)])
}

/** Nonce, sealed bytes, tag. */
function sealed(key: KeyObject, label: string, plain: Uint8Array, entropy: Entropy): Buffer[] {
  const nonce = entropy.bytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(label))
  return [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]
}
