import type { Store } from '../store/store.ts'
import type { UserRecords } from './tool.ts'

/** Narrows the store to the records of one user of one tenant, which is all that a tool gets to see. */
export function userRecords(
  store: Pick<Store, 'record' | 'records' | 'putRecord'>,
  { tenant, user }: { tenant: string; user: string }
): UserRecords {
  return {
    get: (kind, id) => store.record({ tenant, user, kind, id }),
    list: (kind, page) => store.records({ tenant, user, kind }, page),
    put: ({ kind, id }, data, expected) => store.putRecord({ tenant, user, kind, id }, data, expected)
  }
}
