import { randomBytes } from 'node:crypto'
import type { Clock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { keptKeys } from '../../src/kept-keys.ts'
import { createSealedStore } from '../../src/store/sealed-store.ts'
import type { Store } from '../../src/store/store.ts'
import { createContentKeys } from '../../src/vault/content-keys.ts'
import { createMasterKeys } from '../../src/vault/master-keys.ts'

/** Seals what goes into a store as the server does, with the keys kept in the store itself. */
export function sealedOver(store: Store, clock: Clock, master = randomBytes(32), next?: Buffer) {
  const masterKeys = createMasterKeys(master, next, systemEntropy)
  const keys = createContentKeys({ masterKeys, kept: keptKeys(store), clock, entropy: systemEntropy, isShared: true })
  return { store: createSealedStore(store, keys), keys, master }
}
