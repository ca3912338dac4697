import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Db, MongoClient } from 'mongodb'
import { databaseOn } from '../mongod.ts'

/** What stands under the servers: the embedded store, or a replica set; and where V8 writes their CPU profiles at the end. */
export interface Ground {
  readonly profileDir?: string | undefined
  readonly mongodb?: { readonly uri: string; readonly members: number } | undefined
}

/** A new folder, and on a replica set a new database, which servers share that are started with its `env`. */
export interface Place {
  readonly dir: string
  readonly env: Readonly<Record<string, string>>
  readonly profileDir: string | undefined
  /** Counts what is sealed, and what of it all is told. */
  protection(): Promise<Protected>
  /** Removes it and answers how many messages it held, by state. */
  clear(): Promise<Readonly<Record<string, number>>>
}

/** Messages whose words are sealed, and audit records. */
export interface Protected {
  readonly sealed: number
  readonly told: number
}

/** Makes a place for the servers of one measurement. */
export function makePlace({ profileDir, mongodb }: Ground): Place {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-bench-'))
  const uri = mongodb === undefined ? undefined : newDatabase(mongodb.uri)
  const masterKey = randomBytes(32).toString('base64')
  return {
    dir,
    profileDir,
    env: { DATA_DIR: dir, ...(uri !== undefined && { MONGODB_URI: uri, MASTER_KEY: masterKey }) },
    protection: async () => (uri === undefined ? protectionIn(dir) : protectionInMongo(uri)),
    async clear() {
      const kept = uri === undefined ? countStates(dir) : await countInMongo(uri)
      rmSync(dir, { recursive: true })
      return kept
    }
  }
}

/** The URI of a database on a replica set that nobody has used. */
export function newDatabase(uri: string): string {
  return databaseOn(uri, `bench-${randomUUID()}`)
}

/** Looks into a database behind the back of its store. */
export async function visit<T>(uri: string, body: (db: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(uri)
  return body(client.db()).finally(() => client.close())
}

function countInMongo(uri: string): Promise<Record<string, number>> {
  return visit(uri, async db => {
    const groups = db.collection('executions').aggregate([{ $group: { _id: '$state', count: { $sum: 1 } } }])
    const counts = Object.fromEntries((await groups.toArray()).map(({ _id, count }) => [_id, count]))
    await db.dropDatabase()
    return counts
  })
}

function protectionInMongo(uri: string): Promise<Protected> {
  return visit(uri, async db => ({
    sealed: await db.collection('executions').countDocuments({ frames: /"sealed":/ }),
    told: await db.collection('audit').countDocuments()
  }))
}

function protectionIn(dataDir: string): Protected {
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'))
  const count = (sql: string) => Number(db.prepare(sql).get()?.count)
  const sealed = count(`SELECT count(DISTINCT execution) AS count FROM frames WHERE json LIKE '%"sealed":%'`)
  const told = count('SELECT count(*) AS count FROM audit')
  db.close()
  return { sealed, told }
}

function countStates(dataDir: string): Record<string, number> {
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'))
  const rows = db.prepare('SELECT state, count(*) AS count FROM executions GROUP BY state').all()
  db.close()
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}
