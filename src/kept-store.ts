import type { KeyObject } from 'node:crypto'
import type { Config } from './config.ts'
import type { Clock } from './frames/clock.ts'
import type { Entropy } from './frames/entropy.ts'
import { keptKeys, wrappedKeys } from './kept-keys.ts'
import { createSealedStore } from './store/sealed-store.ts'
import { openSqliteStore } from './store/sqlite/sqlite.ts'
import type { RecordKey, Store } from './store/store.ts'
import { auditKey as auditKeyAt, restoreMark } from './store/transfer.ts'
import { explained } from './store-refusals.ts'
import { type AuditKey, openAuditKey } from './vault/audit-key.ts'
import { type ContentKeys, createContentKeys } from './vault/content-keys.ts'
import { openIndexKey } from './vault/index-key.ts'
import { readMasterKey } from './vault/master-key.ts'
import { createMasterKeys, type MasterKeys } from './vault/master-keys.ts'
import { rotateKeys } from './vault/rotate-keys.ts'

/** The configured store with what opens it: what people say goes into `store` in clear and is kept sealed. */
export interface KeptStore {
  readonly name: 'sqlite' | 'mongodb'
  /** Other processes may work on it too. */
  readonly isShared: boolean
  readonly store: Store
  /** What wraps every key: the one in force, and the one that follows it where there is one. */
  readonly masterKeys: readonly Buffer[]
  readonly indexKey: KeyObject
  /** What signs the heads of the audit. */
  readonly auditKey: AuditKey
  readonly contentKeys: ContentKeys
  /** Wraps every key by the master key that follows; answers how many were not. Throws an Error where none follows. */
  rotate(): Promise<number>
  close(): Promise<void>
}

/** What opening takes besides the configuration. `seal` is what seals content on its way into the store: a bench that weighs it leaves it out. */
export interface KeptStoreParts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly seal?: typeof createSealedStore
}

/** Opens the configured store and its keys, which are made on the first start. Rejects with an Error that says what to do. */
export async function openKeptStore(config: Config, parts: KeptStoreParts): Promise<KeptStore> {
  const { clock, entropy, seal = createSealedStore } = parts
  const masterKey = readMasterKey(config.dataDir, config.masterKey, entropy)
  const masterKeys = createMasterKeys(masterKey, config.masterKeyNext, entropy)
  const store = await openStore(config, parts)
  try {
    const { indexKey, auditKey } = await openKeys(store, masterKeys, entropy)
    const kept = keptKeys(store)
    const isShared = config.databaseUri !== undefined
    const contentKeys = createContentKeys({ masterKeys, kept, clock, entropy, isShared })
    return {
      name: isShared ? 'mongodb' : 'sqlite',
      isShared,
      store: seal(store, contentKeys),
      masterKeys: [masterKey, ...(config.masterKeyNext === undefined ? [] : [config.masterKeyNext])],
      indexKey,
      auditKey,
      contentKeys,
      rotate: () => rotateKeys(masterKeys, wrappedKeys(store)),
      close: () => store.close()
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openStore({ databaseUri, dataDir, retention }: Config, parts: KeptStoreParts): Promise<Store> {
  const { clock, entropy } = parts
  const options = { clock, entropy, contentMs: retention.contentMs, auditMs: retention.auditMs }
  if (databaseUri === undefined) return openSqliteStore({ dir: dataDir, ...options })
  // Loaded here, because the driver takes 30 MB, which the embedded store does without.
  const { openMongoStore } = await import('./store/mongodb/mongodb.ts')
  return openMongoStore({ uri: databaseUri, ...options }).catch(error => {
    throw explained(error)
  })
}

/** Opens the keys that names and the audit's heads are made with. Before it nothing is written to a store that is being restored; after it, because that may have begun meanwhile. */
async function openKeys(store: Store, masterKeys: MasterKeys, entropy: Entropy): Promise<Keys> {
  await mustBeWhole(store)
  const indexKey = await openIndexKey(masterKeys, keptIn(store, indexKeyAt), entropy)
  const auditKey = await openAuditKey(masterKeys, keptIn(store, auditKeyAt), entropy)
  await mustBeWhole(store)
  return { indexKey, auditKey }
}

type Keys = { readonly indexKey: KeyObject; readonly auditKey: AuditKey }
const indexKeyAt: RecordKey = { tenant: 'server', user: 'server', kind: 'key', id: 'index' }

async function mustBeWhole(store: Store): Promise<void> {
  if ((await store.record(restoreMark)) === null) return
  throw new Error('A restore into this store has not ended: run "knomly restore" again with the same file, to its end.')
}

function keptIn(store: Store, key: RecordKey) {
  return {
    read: async () => ((await store.record(key))?.data as string | undefined) ?? null,
    write: (wrapped: string) => store.putRecord(key, wrapped, 0)
  }
}
