import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { counted, type Screen } from '../screen.ts'
import type { Command } from './command.ts'
import { withCustody } from './custody.ts'

/**
 * `knomly user export <address> <file>` writes all that is kept of a person, `knomly user erase <address>` makes it unreadable for good,
 * here and in every backup.
 */
export const user: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { to: { type: 'string' }, account: { type: 'string' } }
  })
  const [what, address, file, ...rest] = positionals
  const config = readConfig(env)
  if (what === 'export' && address !== undefined && file !== undefined && rest.length === 0) {
    const lines = await withCustody(config, values.to, async custody =>
      write(file, custody.exportUser(address, values.account))
    )
    screen.print(`${counted(lines, 'line')} in ${file}: whoever reads it reads what this person said.`)
    return 0
  }
  if (what === 'erase' && address !== undefined && file === undefined) {
    const erased = await withCustody(config, values.to, custody => custody.eraseUser(address, values.account))
    for (const one of erased) tellErased(screen, one)
    return 0
  }
  throw new Error('Say what: "knomly user export <address> <file>", or "knomly user erase <address>".')
}

async function write(file: string, lines: AsyncIterable<string>): Promise<number> {
  const handle = await open(file, 'wx', 0o600).catch(error => {
    const { code } = error as NodeJS.ErrnoException
    throw new Error(`${file} cannot be written (${code}): name a new file in a folder that is there.`)
  })
  let count = 0
  try {
    for await (const line of lines) {
      await handle.write(line)
      count += 1
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return count
}

function tellErased(
  screen: Screen,
  { tenant, user: name, keys, cancelled }: { tenant: string; user: string; keys: readonly string[]; cancelled: number }
): void {
  if (keys.length === 0) {
    screen.print(`Nothing that could be read was kept of this person in ${tenant}.`)
    return
  }
  screen.print(
    `Erased in ${tenant}: ${name}, ${counted(keys.length, 'key')} destroyed, ${counted(cancelled, 'open message')} called off.`
  )
  screen.print(
    'Nothing that they said can be read again, here or from a backup without its .keys file; delete older .keys files soon.'
  )
}
