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
    async put(key: RecordKey, data: string | null, expected: number): Promise<boolean> {
      const held = { _id: idOf(key), version: expected }
      if (data === null) return (await records.deleteOne(held)).deletedCount === 1
      if (expected === 0) return insert(toDoc(key, data))
      return (await records.updateOne(held, { $set: { data }, $inc: { version: 1 } })).matchedCount === 1
    }
  }
}

/** Colons of the parts are escaped, so that no two keys share an id. */
function idOf({ tenant, user, kind, id }: RecordKey): string {
  return [tenant, user, kind, id].map(part => part.replaceAll('%', '%25').replaceAll(':', '%3A')).join(':')
}

function toDoc({ tenant, user, kind, id }: RecordKey, data: string): RecordDoc {
  return { _id: idOf({ tenant, user, kind, id }), tenant, user, kind, id, version: 1, data }
}

function toRecord({ tenant, user, kind, id, version, data }: RecordDoc): StoreRecord {
  return { tenant, user, kind, id, version, data: JSON.parse(data) }
}
