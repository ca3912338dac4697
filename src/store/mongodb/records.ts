import type { RecordKey, Store, StoreRecord } from '../store.ts'
import type { Collections, RecordDoc } from './collections.ts'
import { isDuplicate } from './connection.ts'

/** Small documents, written by compare-and-set on their version. */
export function createRecords(records: Collections['records']) {
  async function create(key: RecordKey, data: string): Promise<boolean> {
    try {
      const { tenant, user, kind, id } = key
      await records.insertOne({ _id: idOf(key), tenant, user, kind, id, version: 1, data })
      return true
    } catch (error) {
      if (isDuplicate(error)) return false
      throw error
    }
  }

  return {
    async one(key: RecordKey): Promise<StoreRecord | null> {
      const doc = await records.findOne({ _id: idOf(key) })
      return doc === null ? null : toRecord(doc)
    },
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
      if (expected === 0) return create(key, data)
      return (await records.updateOne(held, { $set: { data }, $inc: { version: 1 } })).matchedCount === 1
    }
  }
}

/** The id of a record. Colons of the parts are escaped, so that no two keys share one. */
export function idOf({ tenant, user, kind, id }: RecordKey): string {
  return [tenant, user, kind, id].map(part => part.replaceAll('%', '%25').replaceAll(':', '%3A')).join(':')
}

function toRecord({ tenant, user, kind, id, version, data }: RecordDoc): StoreRecord {
  return { tenant, user, kind, id, version, data: JSON.parse(data) }
}
