import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Entry, RecordEntry } from '../store/transfer.ts'
import { recordLine } from './format.ts'
import { altered } from './lines.ts'

const keysFile = z.strictObject({
  format: z.literal('knomly-backup-keys'),
  version: z.literal(1),
  backup: z.string(),
  keys: z.array(recordLine)
})

/** Where the keys of a backup are: apart from it, so that the two can be kept apart. */
export function keysOf(file: string): string {
  return `${file}.keys`
}

/** Whether an entry is a key. Keys are wrapped by the master key, and stand in the file of the keys alone. */
export function isKey(entry: Entry): entry is RecordEntry {
  return entry.type === 'record' && entry.tenant === 'server' && entry.kind === 'key'
}

/** Writes keys to a new file that only its owner reads. */
export async function writeKeys(file: string, backup: string, keys: readonly RecordEntry[]): Promise<void> {
  const text = JSON.stringify({ format: 'knomly-backup-keys', version: 1, backup, keys })
  await writeFile(file, `${text}\n`, { flag: 'wx', mode: 0o600, flush: true })
}

/** Reads the keys of a backup. Rejects with an Error that says what to do where they are not there, or those of another one. */
export async function readKeys(file: string, expected: { backup: string; count: number }): Promise<RecordEntry[]> {
  const text = await readFile(file, 'utf8').catch(cause => {
    throw new Error(`${file} cannot be read: put the keys that were written with the backup beside it.`, { cause })
  })
  const { backup, keys } = parse(file, text)
  if (backup !== expected.backup) {
    throw new Error(`${file} holds the keys of another backup: put those that were written with this one beside it.`)
  }
  if (keys.length !== expected.count) throw altered(file)
  return keys
}

function parse(file: string, text: string): z.infer<typeof keysFile> {
  try {
    return keysFile.parse(JSON.parse(text))
  } catch {
    throw altered(file)
  }
}
