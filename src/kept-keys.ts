import { allRecords } from './store/all-records.ts'
import { keyUserOf } from './store/sealing.ts'
import type { RecordKey, Store, StoreRecord } from './store/store.ts'
import { auditKey } from './store/transfer.ts'
import { auditKeyLabel } from './vault/audit-key.ts'
import { type KeptContentKey, type KeptContentKeys, labelOf } from './vault/content-keys.ts'
import { indexKeyLabel } from './vault/index-key.ts'
import type { KeyOwner } from './vault/key-cache.ts'
import type { WrappedKey, WrappedKeys } from './vault/rotate-keys.ts'

// More than one person has in a lifetime: each erasure leaves the name of one.
const mostKeys = 1_000

const turnedKey: RecordKey = { tenant: 'server', user: 'server', kind: 'key-turned', id: 'to' }
const erasuresKey: RecordKey = { tenant: 'server', user: 'server', kind: 'key-erasures', id: 'count' }

/** Keeps the wrapped keys of users among the records of the server. */
export function keptKeys(store: Pick<Store, 'record' | 'records' | 'putRecord'>): KeptContentKeys {
  return {
    async list(owner) {
      const records = await store.records(placeOf(owner), { limit: mostKeys })
      return records.map(({ id, version, data }) => ({ id, version, data: data as KeptContentKey }))
    },
    put: (owner, id, data, expected) => store.putRecord({ ...placeOf(owner), id }, data, expected),
    turned: () => turnedIn(store),
    async erasures() {
      return (await store.record(erasuresKey))?.version ?? 0
    },
    async countErasure() {
      // The count is the version of the record: it has nothing else to say.
      await rewrite(store, erasuresKey, true)
    }
  }
}

/** Finds every wrapped key in a store. */
export function wrappedKeys(store: Pick<Store, 'record' | 'recordsUnder' | 'putRecord'>): WrappedKeys {
  return {
    async *all() {
      for await (const record of allRecords(store, { tenant: 'server' })) yield* wrappedIn(store, record)
    },
    turned: () => turnedIn(store),
    turn: to => rewrite(store, turnedKey, to)
  }
}

/** Writes a record, whoever else writes it meanwhile. */
async function rewrite(store: Pick<Store, 'record' | 'putRecord'>, key: RecordKey, data: unknown): Promise<void> {
  while (!(await store.putRecord(key, data, (await store.record(key))?.version ?? 0)));
}

function wrappedIn(store: Pick<Store, 'putRecord'>, record: StoreRecord): WrappedKey[] {
  if (record.kind !== 'key') return []
  if (record.user === 'server') {
    const kept = String(record.data)
    const put = (data: string) => store.putRecord(record, data, record.version)
    if (record.id !== auditKey.id) return [{ label: indexKeyLabel, wrapped: kept, replace: put }]
    const [publicHalf, wrapped = ''] = kept.split('.')
    return [{ label: auditKeyLabel, wrapped, replace: anew => put(`${publicHalf}.${anew}`) }]
  }
  const data = record.data as KeptContentKey
  if (data.state === 'destroyed') return []
  const replace = (wrapped: string) => store.putRecord(record, { ...data, wrapped }, record.version)
  return [{ label: labelOf(ownerIn(record.user), record.id), wrapped: data.wrapped, replace }]
}

async function turnedIn(store: Pick<Store, 'record'>): Promise<string | null> {
  return ((await store.record(turnedKey))?.data as string | undefined) ?? null
}

/** The tenant is an account SID: it has no slash. */
function ownerIn(user: string): KeyOwner {
  const slash = user.indexOf('/')
  return { tenant: user.slice(0, slash), user: user.slice(slash + 1) }
}

/** All keys stand under the tenant `server`: a backup keeps them apart by that. */
function placeOf(owner: KeyOwner): Omit<RecordKey, 'id'> {
  return { tenant: 'server', user: keyUserOf(owner), kind: 'key' }
}
