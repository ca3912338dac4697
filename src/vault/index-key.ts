import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Entropy } from '../frames/entropy.ts'
import { anotherKey, type MasterKeys } from './master-keys.ts'

/** What the wrapped index key is bound to. */
export const indexKeyLabel = 'knomly index key'

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
export async function openIndexKey(masterKeys: MasterKeys, kept: KeptKey, entropy: Entropy): Promise<KeyObject> {
  const wrapped = await kept.read()
  if (wrapped !== null) return createSecretKey(unwrap(masterKeys, wrapped))
  const key = entropy.bytes(32)
  if (await kept.write(masterKeys.wrap(indexKeyLabel, key, null))) return createSecretKey(key)
  return openIndexKey(masterKeys, kept, entropy)
}

/** Names an address of a tenant without telling it: 22 characters, the same for the same address, different for each tenant. */
export function pseudonymOf(indexKey: KeyObject, tenant: string, address: string): string {
  return createHmac('sha256', indexKey).update(tenant).update(address).digest('base64url').slice(0, 22)
}

/** Whether one of the master keys opens an index key, as it is kept. */
export function opensIndexKey(masterKeys: MasterKeys, wrapped: string): boolean {
  return masterKeys.unwrap(indexKeyLabel, wrapped) !== null
}

function unwrap(masterKeys: MasterKeys, wrapped: string): Buffer {
  const found = masterKeys.unwrap(indexKeyLabel, wrapped)
  if (found === null) throw new Error(anotherKey)
  return found.key
}
