import type { RecordKey, Store } from './store/store.ts'
import type { KeptContentKey, KeptContentKeys, KeyOwner } from './vault/content-keys.ts'

// More than one person has in a lifetime: each erasure leaves the name of one.
const mostKeys = 1_000

/** The name of the master key that wraps new keys, once it was changed. */
export const turnedKey: RecordKey = { tenant: 'server', user: 'server', kind: 'key-turned', id: 'to' }

/** Keeps the wrapped keys of users among the records of the server. */
export function keptKeys(store: Pick<Store, 'record' | 'records' | 'putRecord'>): KeptContentKeys {
  return {
    async list(owner) {
      const records = await store.records(placeOf(owner), { limit: mostKeys })
      return records.map(({ id, version, data }) => ({ id, version, data: data as KeptContentKey }))
    },
    put: (owner, id, data, expected) => store.putRecord({ ...placeOf(owner), id }, data, expected),
    turned: async () => ((await store.record(turnedKey))?.data as string | undefined) ?? null
  }
}

/** All keys stand under the tenant `server`: a backup keeps them apart by that. */
function placeOf({ tenant, user }: KeyOwner): Omit<RecordKey, 'id'> {
  return { tenant: 'server', user: `${tenant}/${user}`, kind: 'key' }
}
