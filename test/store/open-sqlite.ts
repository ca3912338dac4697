import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { openSqliteStore, type SqliteOptions } from '../../src/store/sqlite/sqlite.ts'
import { day } from './contract/moves.ts'
import type { OpenedStore } from './contract.ts'

/** Opens the embedded store for one test, under a clock that stands still until it is moved. */
export async function openStore(
  t: Test,
  dir = join(t.testdir(), 'data'),
  statfs?: SqliteOptions['statfs']
): Promise<OpenedStore> {
  let ms = Date.UTC(2026, 0, 1)
  const clock = {
    now: () => ms,
    monotonic: () => ms,
    advance: (by: number) => {
      ms += by
    }
  }
  const store = await openSqliteStore({
    dir,
    clock,
    entropy: systemEntropy,
    contentMs: 30 * day,
    auditMs: 400 * day,
    ...(statfs ? { statfs } : {})
  })
  t.teardown(() => store.close())
  return {
    store,
    clock,
    forgetRing: async lane => change(dir, `UPDATE lanes SET wake_at = NULL WHERE lane = '${lane}'`)
  }
}

/** Changes the database behind the store's back. */
export function change(dir: string, sql: string): void {
  const db = new DatabaseSync(join(dir, 'knomly.sqlite'), { timeout: 3_000 })
  db.exec(sql)
  db.close()
}

/** The ids of all executions in the database, sorted. */
export function idsIn(dir: string): string[] {
  const db = new DatabaseSync(join(dir, 'knomly.sqlite'))
  const ids = db.prepare('SELECT id FROM executions').all()
  db.close()
  return ids.map(row => String(row.id)).sort()
}
