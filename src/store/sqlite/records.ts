import type { DatabaseSync } from 'node:sqlite'
import type { RecordKey, StoreRecord } from '../store.ts'

const columns = 'tenant, user, kind, id, version, data'

/** Looks up small documents. */
export function createRecords(db: DatabaseSync) {
  const one = db.prepare(`SELECT ${columns} FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id = ?`)
  const page = db.prepare(
    `SELECT ${columns} FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id > ? ORDER BY id LIMIT ?`
  )
  return {
    one({ tenant, user, kind, id }: RecordKey): StoreRecord | null {
      const row = one.get(tenant, user, kind, id)
      return row === undefined ? null : parse(row)
    },
    page({ tenant, user, kind }: Omit<RecordKey, 'id'>, { after = '', limit }: { after?: string; limit: number }) {
      return page.all(tenant, user, kind, after, limit).map(parse)
    }
  }
}

/** Writes small documents by compare-and-set on their version; null deletes. */
export function createRecordWriter(db: DatabaseSync) {
  const insert = db.prepare(`INSERT INTO records (${columns}) VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT DO NOTHING`)
  const update = db.prepare(
    `UPDATE records SET data = ?, version = version + 1 WHERE tenant = ? AND user = ? AND kind = ? AND id = ? AND version = ?`
  )
  const remove = db.prepare('DELETE FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id = ? AND version = ?')
  return {
    putRecord(_now: number, { tenant, user, kind, id }: RecordKey, json: string | null, expected: number): boolean {
      if (json === null) return remove.run(tenant, user, kind, id, expected).changes === 1
      if (expected === 0) return insert.run(tenant, user, kind, id, json).changes === 1
      return update.run(json, tenant, user, kind, id, expected).changes === 1
    }
  }
}

function parse(row: Record<string, unknown>): StoreRecord {
  return { ...(row as unknown as StoreRecord), data: JSON.parse(row.data as string) }
}
