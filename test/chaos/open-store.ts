import type { Clock } from '../../src/frames/clock.ts'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Store } from '../../src/store/store.ts'

const contentMs = 30 * 24 * 3_600_000

/** Opens the store itself, without a server: on a database where one is named, else in a folder. */
export function openStoreOf(
  ground: { uri: string | undefined; dir: string },
  clock: Clock = systemClock
): Promise<Store> {
  const parts = { clock, entropy: systemEntropy, contentMs }
  return ground.uri === undefined
    ? openSqliteStore({ dir: ground.dir, ...parts })
    : openMongoStore({ uri: ground.uri, ...parts })
}
