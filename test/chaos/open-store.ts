import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../../src/frames/clock.ts'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { Failure } from '../../src/frames/failure.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { databaseOn } from '../mongod.ts'
import type { Teardown } from './field.ts'

const patienceMs = 30_000
const contentMs = 30 * 24 * 3_600_000

/** Opens the store itself, without a server: on a database where one is named, else in a folder. While the database has no primary it waits for one. */
export async function openStoreOf(
  ground: { uri: string | undefined; dir: string },
  clock: Clock = systemClock
): Promise<Store> {
  const parts = { clock, entropy: systemEntropy, contentMs }
  if (ground.uri === undefined) return openSqliteStore({ dir: ground.dir, ...parts })
  const deadline = performance.now() + patienceMs
  for (;;) {
    try {
      return await openMongoStore({ uri: ground.uri, ...parts })
    } catch (error) {
      if (!(error instanceof Failure) || performance.now() > deadline) throw error
      await wait(500)
    }
  }
}

/** Two openings of the same store. */
export type Stores = readonly [Store, Store]

/** Two openings of one database, or the embedded store twice: it has one opening alone. */
export async function openStores(t: Teardown, server: string | undefined): Promise<Stores> {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-stores-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const uri = server === undefined ? undefined : databaseOn(server, `stores-${randomUUID()}`)
  const open = async () => {
    const store = await openStoreOf({ uri, dir })
    t.teardown(() => store.close())
    return store
  }
  const first = await open()
  return [first, uri === undefined ? first : await open()]
}
