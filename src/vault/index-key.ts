import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Entropy } from '../frames/entropy.ts'
import { open, seal } from './sealing.ts'

const label = 'knomly index key'

/** Where the wrapped index key is kept: written once, then only read. */
export interface KeptKey {
  read(): Promise<string | null>
  /** Keeps it if none is there; false when somebody else was first. */
  write(wrapped: string): Promise<boolean>
}

/**
 * Opens the key that names people in the store, or makes it on the first start. It is never rotated: every lane and principal is
 * named with it. Throws a plain Error where the master key does not open it.
 */
export async function openIndexKey(masterKey: Buffer, kept: KeptKey, entropy: Entropy): Promise<KeyObject> {
  const wrapped = await kept.read()
  if (wrapped !== null) return createSecretKey(unwrap(masterKey, wrapped))
  const key = entropy.bytes(32)
  if (await kept.write(seal(masterKey, label, key, entropy).toString('base64'))) return createSecretKey(key)
  return openIndexKey(masterKey, kept, entropy)
}

/** Names an address of a tenant without telling it: 22 characters, the same for the same address, different for each tenant. */
export function pseudonymOf(indexKey: KeyObject, tenant: string, address: string): string {
  return createHmac('sha256', indexKey).update(tenant).update(address).digest('base64url').slice(0, 22)
}

/** Whether the master key opens an index key, as it is kept. */
export function opensIndexKey(masterKey: Buffer, wrapped: string): boolean {
  try {
    unwrap(masterKey, wrapped)
    return true
  } catch {
    return false
  }
}

/** A keyed hash of a text: 22 characters, the same for the same text, and never that of an address. */
export function fingerprintOf(indexKey: KeyObject, text: string): string {
  return createHmac('sha256', indexKey).update('fingerprint\0').update(text).digest('base64url').slice(0, 22)
}

function unwrap(masterKey: Buffer, wrapped: string): Buffer {
  try {
    return open(masterKey, label, Buffer.from(wrapped, 'base64'))
  } catch {
    throw new Error(
      'The master key does not open this store: use the MASTER_KEY (or DATA_DIR/master.key) it was made with.'
    )
  }
}
