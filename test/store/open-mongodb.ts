import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type Db, MongoClient } from 'mongodb'
import type { Test } from 'tap'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import { databaseOn } from '../mongod.ts'
import { day } from './contract/moves.ts'
import type { OpenedStore } from './contract.ts'

/** Where a replica set (the tests' own unless another is given) keeps a database of the given name. */
export function uriOf(database: string, server = process.env.TEST_MONGODB_URI ?? ''): string {
  return databaseOn(server, database)
}

/** A store, and its database for who looks behind its back. */
export interface OpenedMongo extends OpenedStore {
  readonly database: string
  visit(body: (db: Db) => Promise<unknown>): Promise<void>
}

/** Opens the store on a database of its own, which goes with the test. The clock runs, and can be moved together with the server's. */
export async function openMongo(
  t: Test,
  { database = `t-${randomUUID()}`, server }: { database?: string; server?: string } = {}
): Promise<OpenedMongo> {
  let offset = 0
  let advanced = 0
  const clock = {
    now: () => Date.now() + offset,
    monotonic: () => performance.now() + advanced,
    advance(ms: number) {
      offset += ms
      advanced += Math.abs(ms)
    }
  }
  const uri = uriOf(database, server)
  const visit = async (body: (db: Db) => Promise<unknown>) => {
    const client = new MongoClient(uri)
    await body(client.db(database)).finally(() => client.close())
  }
  if (server === undefined) t.teardown(() => visit(db => db.dropDatabase()))
  const store = await openMongoStore({
    uri,
    clock,
    entropy: systemEntropy,
    contentMs: 30 * day,
    auditMs: 400 * day,
    offsetMs: () => offset
  })
  t.teardown(() => store.close())
  return {
    store,
    clock,
    database,
    visit,
    forgetRing: lane =>
      visit(async db => {
        const lanes = db.collection<{ _id: string }>('lanes')
        const forget = () => lanes.updateOne({ _id: lane, wakeAt: { $exists: true } }, { $unset: { wakeAt: 1 } })
        // The ring may still be on its way.
        while ((await forget()).matchedCount === 0) await setTimeout(5)
      })
  }
}
