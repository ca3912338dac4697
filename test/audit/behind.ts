import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type Db, type Document, MongoClient } from 'mongodb'
import type { Test } from 'tap'
import type { Place } from '../backup/filled.ts'

/** Records that are not sealed are apart in the embedded store. */
export type Table = 'audit' | 'audit_unsealed' | 'audit_blocks' | 'executions' | 'records'
export type Row = Record<string, unknown>

/** A store as whoever owns the database sees it: rows that can be changed behind the server's back. */
export interface Behind {
  rows(table: Table): Promise<Row[]>
  put(table: Table, row: Row): Promise<void>
  remove(table: Table, row: Row): Promise<void>
  /** The frames of an execution as they are kept. */
  frames(execution: string): Promise<string[]>
  /** Writes its frames anew; `end` is what the execution says of the last of them. */
  setFrames(execution: string, frames: readonly string[], end?: { n: number; hash: string }): Promise<void>
}

/** Opens the database behind a store. Names are those of the embedded store: `id` is also MongoDB's `_id`. */
export async function lookBehind(t: Test, place: Place): Promise<Behind> {
  return place.databaseUri === undefined ? behindFolder(t, place.dataDir) : behindDatabase(t, place.databaseUri)
}

const keys: Readonly<Record<Table, readonly string[]>> = {
  audit: ['id'],
  audit_unsealed: ['id'],
  audit_blocks: ['tenant', 'n'],
  executions: ['arrival'],
  records: ['tenant', 'user', 'kind', 'id']
}

function behindFolder(t: Test, dir: string): Behind {
  const db = new DatabaseSync(join(dir, 'knomly.sqlite'), { timeout: 5_000 })
  t.teardown(() => db.close())
  const values = (row: Row) => Object.values(row) as SQLInputValue[]
  const arrivalOf = (id: string) => Number(db.prepare('SELECT arrival FROM executions WHERE id = ?').get(id)?.arrival)
  return {
    rows: async table =>
      db
        .prepare(`SELECT * FROM ${table}`)
        .all()
        .map(row => ({ ...row })),
    async put(table, row) {
      const names = Object.keys(row).join(', ')
      const places = Object.keys(row)
        .map(() => '?')
        .join(', ')
      db.prepare(`INSERT OR REPLACE INTO ${table} (${names}) VALUES (${places})`).run(...values(row))
    },
    async remove(table, row) {
      const is = keys[table].map(key => `${key} = ?`).join(' AND ')
      db.prepare(`DELETE FROM ${table} WHERE ${is}`).run(...keys[table].map(key => row[key] as SQLInputValue))
    },
    async frames(execution) {
      const rows = db.prepare('SELECT json FROM frames WHERE execution = ? ORDER BY n').all(arrivalOf(execution))
      return rows.map(({ json }) => String(json))
    },
    async setFrames(execution, frames, end) {
      const arrival = arrivalOf(execution)
      db.prepare('DELETE FROM frames WHERE execution = ?').run(arrival)
      const insert = db.prepare('INSERT INTO frames (execution, n, json) VALUES (?, ?, ?)')
      for (const [i, json] of frames.entries()) insert.run(arrival, i + 1, json)
      if (end) db.prepare('UPDATE executions SET n = ?, hash = ? WHERE arrival = ?').run(end.n, end.hash, arrival)
    }
  }
}

async function behindDatabase(t: Test, uri: string): Promise<Behind> {
  const client = new MongoClient(uri)
  t.teardown(() => client.close())
  const db: Db = client.db()
  const of = (table: Table) => db.collection<Document & { _id: string }>(table)
  const idOf = (table: Table, row: Row) =>
    String(table === 'audit_blocks' && !row._id ? `${row.tenant}:${row.n}` : (row._id ?? row.id))
  return {
    async rows(table) {
      const docs = await of(table).find().sort({ tenant: 1, n: 1, _id: 1 }).toArray()
      return docs.map(({ _id, ...doc }) => (table === 'audit' ? { id: _id, ...doc } : { _id, ...doc }))
    },
    async put(table, row) {
      const { _id: _, ...doc } = row
      if (table === 'audit') delete doc.id
      await of(table).replaceOne({ _id: idOf(table, row) }, doc, { upsert: true })
    },
    async remove(table, row) {
      await of(table).deleteOne({ _id: idOf(table, row) })
    },
    async frames(execution) {
      return (await of('executions').findOne({ _id: execution }))?.frames ?? []
    },
    async setFrames(execution, frames, end) {
      await of('executions').updateOne(
        { _id: execution },
        { $set: { frames: [...frames], ...(end && { n: end.n, hash: end.hash }) } }
      )
    }
  }
}
