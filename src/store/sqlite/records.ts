import type { DatabaseSync } from 'node:sqlite'
import type { RecordKey, Store, StoreRecord } from '../store.ts'

const columns = 'tenant, user, kind, id, version, data'

const maxKnown = 10_000

/**
 * Looks up small documents. What was looked up is remembered until it is written: every webhook asks for its sender, and each commit
 * of the other thread empties the page cache of this connection.
 */
export function createRecords(db: DatabaseSync) {
  const known = new Map<string, Record<string, unknown> | null>()
  const unsettled = new Map<string, number>()
  const one = db.prepare(`SELECT ${columns} FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id = ?`)
  // A number that is bound behind LIMIT, and stands there alone, has SQLite plan the statement anew each time: two thirds of a look.
  const page = db.prepare(
    `SELECT ${columns} FROM records WHERE tenant = ? AND user = ? AND kind = ? AND id > ? ORDER BY id LIMIT ? + 0`
  )
  const under = db.prepare(
    `SELECT ${columns} FROM records WHERE tenant = ? AND (user, kind, id) > (?, ?, ?) ORDER BY user, kind, id LIMIT ?`
  )
  const underUser = db.prepare(
    `SELECT ${columns} FROM records WHERE tenant = ? AND user = ? AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?`
  )
  return {
    one(key: RecordKey): StoreRecord | null {
      const name = nameOf(key)
      let row = known.get(name)
      if (row === undefined) {
        row = one.get(key.tenant, key.user, key.kind, key.id) ?? null
        if (known.size >= maxKnown) known.clear()
        if (!unsettled.has(name)) known.set(name, row)
      }
      return row === null ? null : parse(row)
    },
    /** To be called before a record is written and, as `settled`, once the write is answered: in between the database is asked. A write that was given up may still be made, so it never settles. */
    writing(key: RecordKey): { settled(): void } {
      const name = nameOf(key)
      const count = (by: number) => unsettled.set(name, (unsettled.get(name) ?? 0) + by)
      known.delete(name)
      count(1)
      return {
        settled() {
          known.delete(name)
          if (count(-1).get(name) === 0) unsettled.delete(name)
        }
      }
    },
    page({ tenant, user, kind }: Omit<RecordKey, 'id'>, { after = '', limit }: { after?: string; limit: number }) {
      return page.all(tenant, user, kind, after, limit).map(parse)
    },
    under(
      { tenant, user }: Parameters<Store['recordsUnder']>[0],
      { after, limit }: Parameters<Store['recordsUnder']>[1]
    ) {
      const { user: from = '', kind = '', id = '' } = after ?? {}
      const rows =
        user === undefined ? under.all(tenant, from, kind, id, limit) : underUser.all(tenant, user, kind, id, limit)
      return rows.map(parse)
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

function nameOf({ tenant, user, kind, id }: RecordKey): string {
  return `${tenant}\0${user}\0${kind}\0${id}`
}

function parse(row: Record<string, unknown>): StoreRecord {
  return { ...(row as unknown as StoreRecord), data: JSON.parse(row.data as string) }
}
