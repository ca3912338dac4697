import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { createOperatorClient } from '../operator-client.ts'
import { type Command, originOf, tokenOf } from './command.ts'

/** `knomly switch [off|on <target>]`: the kill switch of the running servers. Without a target it prints what is off. */
export const killSwitch: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options: { to: { type: 'string' } } })
  const [what, target, ...rest] = positionals
  const isSetting = (what === 'off' || what === 'on') && target !== undefined && rest.length === 0
  if (what !== undefined && !isSetting) throw new Error('Say what: "knomly switch off tool:send_message", or "on".')
  const config = readConfig(env)
  const client = createOperatorClient(originOf(config, values.to), tokenOf(config))
  if (isSetting) await client.setSwitch(target, what === 'off')
  const off = await client.switches()
  for (const { target, since } of off) screen.print(`off  ${target}  since ${since}`)
  if (off.length === 0) screen.print('Nothing is switched off.')
  return 0
}
