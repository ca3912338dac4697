import type { RecordKey, Store } from '../store/store.ts'

/** What is kept of a person beside their messages: whose name this is another name of, and since when they want no messages. */
export interface PersonRecord {
  readonly person?: string
  readonly closedAt?: string
}

/** What is kept under a name; empty for somebody new. */
export async function readPerson(store: Pick<Store, 'record'>, tenant: string, name: string): Promise<PersonRecord> {
  return ((await store.record(key(tenant, name)))?.data as PersonRecord | undefined) ?? {}
}

/** Changes what is kept under a name, whoever else changes it meanwhile; a `change` that answers the same object writes nothing. */
export async function changePerson(
  store: Pick<Store, 'record' | 'putRecord'>,
  tenant: string,
  name: string,
  change: (record: PersonRecord) => PersonRecord
): Promise<void> {
  while (true) {
    const kept = await store.record(key(tenant, name))
    const before = (kept?.data as PersonRecord | undefined) ?? {}
    const after = change(before)
    if (after === before || (await store.putRecord(key(tenant, name), after, kept?.version ?? 0))) return
  }
}

function key(tenant: string, name: string): RecordKey {
  return { tenant, user: name, kind: 'person', id: 'self' }
}
