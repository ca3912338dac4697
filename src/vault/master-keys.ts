import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { open, seal } from '../frames/cipher.ts'
import type { Entropy } from '../frames/entropy.ts'
import { findMasterKey } from './master-key.ts'

/** The keys that wrap all others: the one in force and, while it is being changed, the one that follows. Both open; which one wraps is told by the store. */
export interface MasterKeys {
  /** Wraps a key for good, base64. Throws a plain Error where the store is on a key that is neither of ours. */
  wrap(label: string, key: Buffer, turned: string | null): string
  /** Unwraps a key. `isOld`: it is not wrapped by the newest one. Null where neither of ours opens it. */
  unwrap(label: string, wrapped: string): { key: Buffer; isOld: boolean } | null
  /** The name of the key that follows, or null where none does. */
  readonly next: string | null
  /** Whether one of ours has this name. */
  isOurs(name: string): boolean
}

/** Holds the master keys. The names they go by in the store tell nothing of them. */
export function createMasterKeys(current: Buffer, next: Buffer | undefined, entropy: Entropy): MasterKeys {
  const keys = (next === undefined ? [current] : [current, next]).map(key => createSecretKey(key))
  const names = keys.map(nameOf)
  const newest = keys.length - 1
  return {
    next: next === undefined ? null : (names[newest] ?? null),
    isOurs: name => names.includes(name),
    wrap(label, key, turned) {
      const wrapper = turned === null ? keys[0] : keys[names.indexOf(turned)]
      if (wrapper === undefined) throw new Error(anotherKey)
      return seal(wrapper, label, key, entropy).toString('base64')
    },
    unwrap(label, wrapped) {
      for (const [i, wrapper] of keys.entries()) {
        try {
          return { key: open(wrapper, label, Buffer.from(wrapped, 'base64')), isOld: i !== newest }
        } catch {
          // Wrapped by the other one, then, or by neither.
        }
      }
      return null
    }
  }
}

/** The master keys where there are any: those that are configured, else the one in the folder. Null where there is none. Throws as `findMasterKey` does. */
export function findMasterKeys({ dataDir, masterKey, masterKeyNext }: Configured, entropy: Entropy): MasterKeys | null {
  const found = findMasterKey(dataDir, masterKey)
  return found === null ? null : createMasterKeys(found, masterKeyNext, entropy)
}

type Configured = {
  readonly dataDir: string
  readonly masterKey: Buffer | undefined
  readonly masterKeyNext: Buffer | undefined
}

/** What a start and a command say where a store is on another master key. */
export const anotherKey =
  'The master key does not open this store: use the MASTER_KEY (or DATA_DIR/master.key) it was made with, or the one it was rotated to.'

function nameOf(key: KeyObject): string {
  return createHmac('sha256', key).update('knomly name of a master key').digest('base64url').slice(0, 22)
}
