import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { type Db, MongoClient } from 'mongodb'
import type { State } from '../../src/frames/execution.ts'
import type { Frame } from '../../src/frames/frame.ts'
import { type KeyRow, openedBy } from './opened.ts'

const patienceMs = 30_000

/** An execution as it lies on disk. */
export interface Kept {
  readonly id: string
  readonly state: State
  readonly n: number
  readonly hash: string
  readonly frames: readonly Frame[]
}

/** Where a server under the faults keeps its executions: a folder, or a database where its environment names one. */
export interface Ground {
  readonly dataDir: string
  readonly env: Readonly<Record<string, string>>
}

/** Reads the store itself and changes nothing in it, whether a server runs on it, was stopped or was killed. */
export async function readJournal({ dataDir, env }: Ground): Promise<Map<string, Kept>> {
  if (env.MONGODB_URI !== undefined) return readDatabase({ dataDir, env }, env.MONGODB_URI)
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'), { readOnly: true, timeout: 5_000 })
  try {
    // The frames before the keys: the key of a frame is there before it.
    const rows = db.prepare(`
      SELECT id, tenant, lane, state, executions.n AS n, hash, json_group_array(json ORDER BY f.n) AS frames
      FROM executions LEFT JOIN frames f ON execution = arrival GROUP BY arrival ORDER BY arrival`)
    const found = rows.all() as unknown as (Raw & { frames: string })[]
    const keys = db.prepare("SELECT user, id, data FROM records WHERE tenant = 'server' AND kind = 'key'").all()
    const raw = found.map(row => ({ ...row, frames: (JSON.parse(row.frames) as (string | null)[]).filter(isText) }))
    return await openAll({ dataDir, env }, raw, keys as unknown as KeyRow[])
  } finally {
    db.close()
  }
}

/** An execution with its frames as text. */
type Raw = Omit<Kept, 'frames'> & { tenant: string; lane: string }

function isText(json: string | null): json is string {
  return json !== null
}

async function openAll(
  ground: Ground,
  rows: readonly (Raw & { frames: readonly string[] })[],
  keys: readonly KeyRow[]
): Promise<Map<string, Kept>> {
  const open = openedBy(ground, keys)
  const kept = new Map<string, Kept>()
  for (const row of rows) {
    const { id, state, n, hash, frames } = row
    kept.set(id, { id, state, n, hash, frames: await open(row, frames) })
  }
  return kept
}

/** How many messages still wait or are at work. */
export async function countOpen({ dataDir, env }: Ground): Promise<number> {
  if (env.MONGODB_URI !== undefined) {
    return visit(env.MONGODB_URI, db => db.collection('executions').countDocuments({ open: true }))
  }
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'), { readOnly: true, timeout: 5_000 })
  try {
    return (db.prepare('SELECT count(*) AS open FROM executions WHERE open = 1').get() as { open: number }).open
  } finally {
    db.close()
  }
}

function readDatabase(ground: Ground, uri: string): Promise<Map<string, Kept>> {
  return visit(uri, async db => {
    const rows = db.collection<Omit<Raw, 'id'> & { _id: string; frames: string[] }>('executions')
    const found = await rows.find().sort({ arrived: 1 }).toArray()
    const keys = await db.collection<KeyRow>('records').find({ tenant: 'server', kind: 'key' }).toArray()
    const raw = found.map(({ _id: id, ...rest }) => ({ ...rest, id }))
    return openAll(ground, raw, keys)
  })
}

/** Reads what most members have: a failover takes none of it back. While there is no primary it waits for one. */
async function visit<T>(uri: string, look: (db: Db) => Promise<T>): Promise<T> {
  const client = new MongoClient(uri, { readConcern: { level: 'majority' } })
  const deadline = performance.now() + patienceMs
  try {
    for (;;) {
      try {
        return await look(client.db())
      } catch (error) {
        if (performance.now() > deadline) throw error
        await setTimeout(500)
      }
    }
  } finally {
    await client.close()
  }
}
