import { readFileSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { keysOf } from '../backup/keys.ts'
import { writeBackup } from '../backup/write-backup.ts'
import { readStoreConfig } from '../config/store.ts'
import { systemClock } from '../frames/clock.ts'
import { systemEntropy } from '../frames/entropy.ts'
import { size } from '../screen.ts'
import { openSource, told } from '../transfer.ts'
import { type Command, onlyArgument } from './command.ts'
import { contents } from './contents.ts'

/**
 * `knomly backup <file>`: copies the configured store to a file, and its keys to `<file>.keys`, also while servers work on it. Exit code
 * 1 where something is broken in the store: the backup is made all the same.
 */
export const backup: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { force: { type: 'boolean', default: false } }
  })
  const file = onlyArgument(positionals, 'The file to write')
  const config = readStoreConfig(env)
  const source = await openSource(config)
  const { counts, flawed } = await writeBackup({
    file,
    force: values.force,
    source,
    about: {
      backup: systemEntropy.id(),
      madeAt: new Date(systemClock.now()).toISOString(),
      store: config.databaseUri === undefined ? 'SQLite' : 'MongoDB',
      server: ownVersion()
    }
  })
    .catch(error => {
      throw told(error)
    })
    .finally(() => source.close())
  screen.print(`${contents(counts)} are in ${file} (${size(statSync(file).size)}).`)
  screen.print(
    `The keys are in ${keysOf(file)}. Keep it apart from the backup, and the master key apart from both: neither file holds it.`
  )
  for (const { type, id } of flawed) screen.print(`${broken[type]}: ${id}`)
  return flawed.length === 0 ? 0 : 1
}

const broken = {
  execution: 'The chain of frames is broken in the store',
  block: 'A block of the audit was changed in the store',
  audit: 'An audit record was changed in the store'
} as const

function ownVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}
