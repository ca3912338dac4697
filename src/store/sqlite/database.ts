import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { giveDigest } from './digest.ts'
import { createPrivately } from './private-file.ts'
import { migrations, schema, schemaVersion } from './schema.ts'

/** How long a write waits for a visitor (a backup, the sqlite3 shell), in ms. */
const busyMs = 3_000

/** Only one process holds the store, so a lease found at open belongs to nobody: its lane is due, before all others. */
const voidLeases = `
  BEGIN IMMEDIATE;
  UPDATE lanes SET wake_at = 0, token = NULL, owner = NULL WHERE wake_at IS NOT NULL AND token IS NOT NULL;
  UPDATE executions SET state = 'queued', token = NULL WHERE open = 1 AND state = 'running';
  COMMIT`

/**
 * Opens `knomly.sqlite` in `dir`, made with its tables when missing. WAL with synchronous FULL: a commit that returned survives a
 * power cut. secure_delete: what was purged is overwritten. Throws a plain Error, and touches nothing, for another schema version.
 */
export async function openDatabase(dir: string): Promise<DatabaseSync> {
  const path = join(dir, 'knomly.sqlite')
  await createPrivately(path)
  const db = new DatabaseSync(path, { timeout: busyMs, enableForeignKeyConstraints: false })
  try {
    giveDigest(db)
    const version = checkVersion(db, path)
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA secure_delete = ON;
      PRAGMA temp_store = MEMORY;
      PRAGMA wal_autocheckpoint = 16000;
      PRAGMA cache_size = -8192;
      PRAGMA journal_size_limit = 67108864;
    `)
    const change = version === 0 ? schema : migrations[version]
    if (change !== undefined) db.exec(`BEGIN; ${change} PRAGMA user_version = ${schemaVersion}; COMMIT`)
    db.exec(voidLeases)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Opens the database once more, to look at what was committed while the next commit is under way. */
export function openReader(dir: string): DatabaseSync {
  const db = new DatabaseSync(join(dir, 'knomly.sqlite'), { readOnly: true, timeout: busyMs })
  giveDigest(db)
  return db
}

/** The version of the tables, or 0 for a file that is still empty. Throws a plain Error for one that this build cannot read. */
export function checkVersion(db: DatabaseSync, path: string): number {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  const { tables } = db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number }
  if (version === schemaVersion || Object.hasOwn(migrations, version) || (version === 0 && tables === 0)) return version
  throw new Error(
    `${path} has schema version ${version}, and this build of Knomly reads version ${schemaVersion}. ` +
      `It was left as it is: start the build that wrote it, or set another DATA_DIR.`
  )
}
