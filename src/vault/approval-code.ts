import { createHmac, type KeyObject } from 'node:crypto'

/**
 * The six digits that approve a question, derived from the hash of what it is bound to: so no code is kept anywhere, and every
 * process of the server knows it.
 */
export function approvalCodeOf(indexKey: KeyObject, hash: string): string {
  const digest = createHmac('sha256', indexKey).update('approval code\0').update(hash).digest()
  // 48 bits: the first code is more likely than the last by less than one in 2^28.
  return String(digest.readUIntBE(0, 6) % 1_000_000).padStart(6, '0')
}

/** The 128 bits, base64url, that come back when a button of a question is tapped; derived as its code is, and kept nowhere either. */
export function approvalTokenOf(indexKey: KeyObject, hash: string, decision: string): string {
  const digest = createHmac('sha256', indexKey).update(`approval button\0${decision}\0`).update(hash).digest()
  return digest.subarray(0, 16).toString('base64url')
}
