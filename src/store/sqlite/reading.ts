import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { checkVersion, openReader } from './database.ts'
import { reading } from './disk-fault.ts'
import { schemaVersion } from './schema.ts'

/** How many are read in one transaction: one that stays open would keep the log of a running server from being emptied. */
export const perPage = 50

type Part = string | number

/** Opens the embedded store in `dir` to read all of it, beside the server that may hold it. Throws a plain Error where there is none, or one of another version. */
export function openForReading(dir: string): DatabaseSync {
  const path = join(dir, 'knomly.sqlite')
  const nothing = `There is no store in DATA_DIR (${dir}): name the folder of the server whose store is to be read.`
  if (!existsSync(path)) throw new Error(nothing)
  const db = openReader(dir)
  try {
    const version = checkVersion(db, path)
    if (version === 0) throw new Error(nothing)
    if (version !== schemaVersion) {
      throw new Error(
        `${path} was written by an older build of Knomly: start the server once, which brings it up to date.`
      )
    }
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Rows in the order of their key, a page at a time, from behind `start`. */
export function* along<R>(
  page: StatementSync,
  start: readonly Part[],
  keyOf: (row: R) => readonly Part[],
  size = perPage
): Generator<R> {
  for (let after = start; ; ) {
    const rows = reading(() => page.all(...after, size)) as unknown as R[]
    yield* rows
    const last = rows.at(-1)
    if (last === undefined) return
    after = keyOf(last)
  }
}

/** Reads in one transaction: nothing is committed in between. */
export function atOnce<T>(db: DatabaseSync, read: () => T): T {
  db.exec('BEGIN')
  try {
    return read()
  } finally {
    db.exec('COMMIT')
  }
}
