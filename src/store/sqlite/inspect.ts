import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { FreeSpace } from './free-space.ts'
import { schemaVersion } from './schema.ts'

type Fact = { name: string; ok: boolean; detail: string }

/** The facts about the embedded store that `doctor` shows. It reads the whole database: not for a busy server. */
export function inspectDatabase(parts: {
  db: DatabaseSync
  dir: string
  space: FreeSpace
  durability: ReturnType<typeof readDurability>
}): Fact[] {
  const { db, dir, space, durability } = parts
  const version = pragma(db, 'user_version')
  const flaw = pragma(db, 'quick_check(1)')
  const { journalMode, synchronous } = durability
  const mode = statSync(dir).mode & 0o777
  const { free, floor } = space.measure()
  return [
    { name: 'store', ok: true, detail: `SQLite in ${dir}` },
    { name: 'schema', ok: version === schemaVersion, detail: `version ${version}` },
    {
      name: 'durability',
      ok: journalMode === 'wal' && synchronous === 2,
      detail: `journal ${journalMode}, synchronous ${synchronous}`
    },
    { name: 'integrity', ok: flaw === 'ok', detail: flaw === 'ok' ? 'sound' : 'damaged: restore a backup' },
    { name: 'privacy', ok: (mode & 0o077) === 0, detail: `folder mode ${mode.toString(8)}, should be 700` },
    {
      name: 'free space',
      ok: free >= floor,
      detail: `${mebibytes(free)} MiB free, at least ${mebibytes(floor)} needed`
    }
  ]
}

/** How the connection that writes keeps what it commits: each connection has settings of its own. */
export function readDurability(db: DatabaseSync) {
  return { journalMode: pragma(db, 'journal_mode'), synchronous: pragma(db, 'synchronous') }
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2)
}
