import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { createOperatorClient, type ShownTool } from '../operator-client.ts'
import { type Command, originOf, tokenOf } from './command.ts'

/** `knomly tools [show|accept <name>]`: the tools of the running server, and the operator's word on one that changed. */
export const tools: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options: { to: { type: 'string' } } })
  const [what, name, hash, ...rest] = positionals
  const isOne = (what === 'show' || what === 'accept') && name !== undefined && rest.length === 0
  if (what !== undefined && !isOne)
    throw new Error('Say what: "knomly tools", "tools show <name>" or "tools accept <name>".')
  const config = readConfig(env)
  const client = createOperatorClient(originOf(config, values.to), tokenOf(config))
  const all = await client.tools()
  if (!isOne) {
    for (const tool of all) screen.print(line(tool))
    return 0
  }
  const tool = all.find(each => each.name === name)
  if (tool === undefined) throw new Error(`There is no tool ${plain(name)}: "knomly tools" lists them.`)
  if (what === 'show') {
    screen.print(plain(JSON.stringify(tool, null, 2)))
    return 0
  }
  if (tool.hash === null) throw new Error('This tool cannot be used as it is, so there is nothing to accept.')
  await client.acceptTool(name, hash ?? tool.hash)
  screen.print(`accepted  ${name}  ${hash ?? tool.hash}`)
  return 0
}

function line({ name, class: toolClass, state, hash, annotations }: ShownTool): string {
  const hints = annotations === undefined ? [] : [`its server says ${JSON.stringify(annotations)}`]
  return plain([state.padEnd(8), toolClass.padEnd(2), hash?.slice(0, 16) ?? '-'.repeat(16), name, ...hints].join('  '))
}

/** Words of a server's own go to a terminal with every mark shown by its number. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e\n]/gu, mark => `\\u{${mark.codePointAt(0)?.toString(16)}}`)
}
