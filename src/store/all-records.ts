import type { Store, StoreRecord } from './store.ts'

const perPage = 500

/** Every record of a tenant, or of one user of it, of every kind, a page at a time. */
export async function* allRecords(
  store: Pick<Store, 'recordsUnder'>,
  of: Parameters<Store['recordsUnder']>[0]
): AsyncGenerator<StoreRecord> {
  for (let after: StoreRecord | undefined; ; ) {
    const page = await store.recordsUnder(of, { ...(after && { after }), limit: perPage })
    yield* page
    after = page.at(-1)
    if (after === undefined) return
  }
}
