import type { Filter } from 'mongodb'
import type { RecordKey, Store, StoreRecord } from '../store.ts'
import type { Collections, RecordDoc } from './collections.ts'
import { groupedInsert, groupedLook } from './grouped.ts'

/** Small documents, written by compare-and-set on their version. */
export function createRecords(records: Collections['records']) {
  const insert = groupedInsert(records)
  const look = groupedLook(async ids => {
    const docs = await records.find({ _id: { $in: [...ids] } }, { batchSize: ids.length + 1 }).toArray()
    return new Map(docs.map(doc => [doc._id, toRecord(doc)]))
  })

  return {
    one: (key: RecordKey): Promise<StoreRecord | null> => look(idOf(key)),
    async page(
      { tenant, user, kind }: Omit<RecordKey, 'id'>,
      { after, limit }: Parameters<Store['records']>[1]
    ): Promise<StoreRecord[]> {
      const from = after === undefined ? {} : { id: { $gt: after } }
      return (
        await records
          .find({ tenant, user, kind, ...from })
          .sort({ id: 1 })
          .limit(limit)
          .toArray()
      ).map(toRecord)
    },
    async under(
      { tenant, user }: Parameters<Store['recordsUnder']>[0],
      { after, limit }: Parameters<Store['recordsUnder']>[1]
    ): Promise<StoreRecord[]> {
      const docs = await records
        .find({ tenant, ...(user !== undefined && { user }), ...(after !== undefined && { $or: behind(after) }) })
        .sort({ user: 1, kind: 1, id: 1 })
        .limit(limit)
        .toArray()
      return docs.map(toRecord)
    },
    async put(key: RecordKey, data: string | null, expected: number): Promise<boolean> {
      const held = { _id: idOf(key), version: expected }
      if (data === null) return (await records.deleteOne(held)).deletedCount === 1
      if (expected === 0) return insert(toDoc(key, data))
      return (await records.updateOne(held, { $set: { data }, $inc: { version: 1 } })).matchedCount === 1
    }
  }
}

/** What comes after a key, in the order of the index. */
function behind({ user, kind, id }: Pick<RecordKey, 'user' | 'kind' | 'id'>): Filter<RecordDoc>[] {
  return [{ user: { $gt: user } }, { user, kind: { $gt: kind } }, { user, kind, id: { $gt: id } }]
}

/** The id of a record. Colons of the parts are escaped, so that no two keys share one. */
export function idOf({ tenant, user, kind, id }: RecordKey): string {
  return [tenant, user, kind, id].map(part => part.replaceAll('%', '%25').replaceAll(':', '%3A')).join(':')
}

function toDoc({ tenant, user, kind, id }: RecordKey, data: string): RecordDoc {
  return { _id: idOf({ tenant, user, kind, id }), tenant, user, kind, id, version: 1, data }
}

function toRecord({ tenant, user, kind, id, version, data }: RecordDoc): StoreRecord {
  return { tenant, user, kind, id, version, data: JSON.parse(data) }
}
