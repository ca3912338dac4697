import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { type Command, onlyArgument, originOf, speakingFor } from './command.ts'
import { pretendCaller } from './pretend-caller.ts'

/** `knomly curl <text>`: prints a command for sh that posts the text as a signed webhook, once or as often as it is pasted. */
export const curl: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { from: { type: 'string' }, to: { type: 'string' }, account: { type: 'string' } }
  })
  const text = onlyArgument(positionals, 'The text of the message')
  const config = speakingFor(readConfig(env), values.account)
  const { caller } = pretendCaller(config, { from: values.from, deliverTo: originOf(config, values.to) })
  screen.print(caller.curlCommand(caller.textParams(text)))
  return 0
}
