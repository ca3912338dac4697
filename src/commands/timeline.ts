import { parseArgs } from 'node:util'
import { messageSid } from '../channels/twilio-receive.ts'
import { readConfig } from '../config.ts'
import { createOperatorClient } from '../operator-client.ts'
import { chainIsWhole, timelineLines } from '../timeline.ts'
import { type Command, onlyArgument, originOf, speakingFor, tokenOf } from './command.ts'

/** `knomly timeline <id>`: what happened to one message, frame by frame. Exit code 1 for an unknown id and for a broken chain. */
export const timeline: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { account: { type: 'string' }, show: { type: 'boolean', default: false }, to: { type: 'string' } }
  })
  const id = onlyArgument(positionals, 'The id of an execution or a message')
  const config = speakingFor(readConfig(env), values.account)
  const execution = messageSid.test(id) ? `messaging:${config.account.sid}:${id}` : id
  const found = await createOperatorClient(originOf(config, values.to), tokenOf(config)).execution(execution)
  if (found === null) {
    throw new Error(
      'The server knows no execution of this id: give one of GET /api/conversations, or the MessageSid of a message that it took.'
    )
  }
  for (const line of timelineLines(found, values.show, screen)) screen.print(line)
  if (!values.show) screen.print('Words and numbers are left out; --show prints them.')
  return chainIsWhole(found) ? 0 : 1
}
