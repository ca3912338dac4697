import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Screen } from '../screen.ts'
import type { DemoStage } from './stage.ts'

/** Leaves the demo running until the signal comes, and says how to try it. */
export async function keepRunning(stage: DemoStage, screen: Screen, signal: AbortSignal): Promise<void> {
  const { url, dir, settings, twilio } = stage
  const person = 'whatsapp:+15551230003'
  const file = join(dir, 'settings.env')
  writeFileSync(file, lines(settings), { mode: 0o600 })
  const caller = stage.caller(person)
  const forger = stage.caller(person, 'not-the-token-of-the-account')
  const print = (title: string, command: string) => {
    screen.print(screen.styled('bold', `\n${title}`))
    screen.print(command)
  }
  screen.print(
    `\nIt runs on ${url} until you press Ctrl-C; then everything is removed. Its log: ${stage.server.logFile}`
  )
  print(
    'A text message, signed (pasted again it is the same message, and answered once)',
    caller.curlCommand(caller.textParams('Remind me to water the plants on Friday'))
  )
  print('A forged one (403)', forger.curlCommand(forger.textParams('Read me the whole list')))
  print(
    'What the server knows, with the operator token of this demo',
    `curl -sS -H 'Authorization: Bearer ${settings.OPERATOR_TOKEN}' ${url}/api/conversations`
  )
  print('What arrived at the stand-in for Twilio', `curl -sS ${twilio.url}/simulator/ledger`)
  print(
    'A voice note, with its frames as they come',
    `env $(cat ${file}) npx knomly send test/voices/p01-request.ogg --show`
  )
  if (!signal.aborted) await once(signal, 'abort')
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
