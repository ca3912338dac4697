import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { type Db, MongoClient } from 'mongodb'
import type { State } from '../../src/frames/execution.ts'
import type { Frame } from '../../src/frames/frame.ts'

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
  if (env.MONGODB_URI !== undefined) return readDatabase(env.MONGODB_URI)
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'), { readOnly: true, timeout: 5_000 })
  try {
    const kept = new Map<number, Kept & { frames: Frame[] }>()
    for (const row of db.prepare('SELECT arrival, id, state, n, hash FROM executions ORDER BY arrival').iterate()) {
      const { arrival, ...rest } = row as unknown as Omit<Kept, 'frames'> & { arrival: number }
      kept.set(arrival, { ...rest, frames: [] })
    }
    for (const { execution, json } of db
      .prepare('SELECT execution, json FROM frames ORDER BY execution, n')
      .iterate()) {
      kept.get(execution as number)?.frames.push(JSON.parse(json as string))
    }
    return new Map([...kept.values()].map(each => [each.id, each]))
  } finally {
    db.close()
  }
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

function readDatabase(uri: string): Promise<Map<string, Kept>> {
  return visit(uri, async db => {
    const rows = db.collection<Omit<Kept, 'id' | 'frames'> & { _id: string; frames: string[] }>('executions')
    const kept = await rows.find().sort({ arrived: 1 }).toArray()
    return new Map(
      kept.map(({ _id: id, state, n, hash, frames }) => [
        id,
        { id, state, n, hash, frames: frames.map(json => JSON.parse(json)) }
      ])
    )
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
