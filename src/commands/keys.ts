import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { counted } from '../screen.ts'
import type { Command } from './command.ts'
import { withCustody } from './custody.ts'

/** `knomly keys rotate`: wraps every key by MASTER_KEY_NEXT, while servers that have both work on. */
export const keys: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options: { to: { type: 'string' } } })
  if (positionals.join(' ') !== 'rotate') throw new Error('Say what: "knomly keys rotate".')
  const count = await withCustody(readConfig(env), values.to, custody => custody.rotateKeys())
  screen.print(`${counted(count, 'key')} wrapped anew: every key opens by MASTER_KEY_NEXT alone.`)
  screen.print(
    'Now set MASTER_KEY to it everywhere, remove MASTER_KEY_NEXT and restart; older backups need the key of their day.'
  )
  return 0
}
