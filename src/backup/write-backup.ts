import { createHash } from 'node:crypto'
import { createWriteStream, existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { syncFolder } from '../store/durable-file.ts'
import { type RecordEntry, restoreMark, type StoreSource } from '../store/transfer.ts'
import { flawIn } from './flaw.ts'
import { type Counts, type End, type Flaw, formatVersion, type Header, toLine } from './format.ts'
import { isKey, keysOf, writeKeys } from './keys.ts'

/** What a backup is made of, and where it goes. */
export interface BackupOptions {
  readonly file: string
  /** Whether files of this name may be replaced. */
  readonly force: boolean
  readonly source: StoreSource
  readonly about: Pick<Header, 'backup' | 'madeAt' | 'store' | 'server'>
}

/**
 * Writes everything in a store to `file`, and its keys to a file of their own, both readable by their owner alone. They appear once
 * they are whole and on disk. Rejects with an Error that says what to do where a file is in the way.
 */
export async function writeBackup({
  file,
  force,
  source,
  about
}: BackupOptions): Promise<Omit<End, 'sha256' | 'type'>> {
  const targets = [keysOf(file), file]
  const taken = targets.find(target => existsSync(target))
  if (taken !== undefined && !force) {
    throw new Error(`${taken} is there already: name another file, or replace it with --force.`)
  }
  try {
    await Promise.all(targets.map(target => rm(part(target), { force: true })))
    const { keys, ...end } = await writeEntries(part(file), source, about)
    await writeKeys(part(keysOf(file)), about.backup, keys)
    for (const target of targets) await rename(part(target), target)
    await syncFolder(dirname(file))
    return end
  } catch (error) {
    await Promise.all(targets.map(target => rm(part(target), { force: true }).catch(() => {})))
    throw explained(file, error)
  }
}

/** The system's own errors name no remedy; those of a store have no call of the system. */
function explained(file: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return error
  return new Error(`${file} cannot be written (${code}): name a file in a folder that is there and has room.`)
}

function part(file: string): string {
  return `${file}.part`
}

async function writeEntries(file: string, source: StoreSource, about: BackupOptions['about']) {
  const counts: Counts = { execution: 0, blob: 0, block: 0, audit: 0, record: 0, key: 0 }
  const flawed: Flaw[] = []
  const keys: RecordEntry[] = []

  async function* lines(): AsyncGenerator<string> {
    const hash = createHash('sha256')
    const hashed = (line: string) => {
      hash.update(line).update('\n')
      return `${line}\n`
    }
    yield hashed(toLine({ type: 'header', format: 'knomly-backup', version: formatVersion, ...about }))
    for await (const entry of source.entries()) {
      if (entry.type === 'record' && entry.kind === restoreMark.kind) throw unfinished()
      counts[isKey(entry) ? 'key' : entry.type] += 1
      const flaw = flawIn(entry)
      if (flaw !== null) flawed.push(flaw)
      if (isKey(entry)) keys.push(entry)
      else yield hashed(toLine(entry))
    }
    yield `${toLine({ type: 'end', counts, flawed, sha256: hash.digest('hex') })}\n`
  }

  await pipeline(lines, createGzip(), createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }))
  return { counts, flawed, keys }
}

function unfinished(): Error {
  return new Error('This store is only partly restored: run that restore again, to its end, before it is backed up.')
}
