import { existsSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { createOperatorClient, follow, isAtRest } from '../operator-client.ts'
import { duration, labelled, type Screen } from '../screen.ts'
import type { Caller, Posted } from '../simulator/caller.ts'
import { frameLines, type ShownExecution } from '../timeline.ts'
import { type Command, onlyArgument, originOf, speakingFor, tokenOf } from './command.ts'
import { pretendCaller } from './pretend-caller.ts'
import { openStandIn } from './stand-in.ts'

/**
 * `knomly send <file.ogg|text>`: signs a message as Twilio would, posts it to a running server and prints the frames as they come,
 * then the answer. Exit code 0 only if it ended done.
 */
export const send: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options })
  const words = onlyArgument(positionals, 'The voice note or text')
  const voiceNote = readVoiceNote(words)
  const seconds = Number(values.wait)
  if (!(seconds > 0)) throw new Error('--wait takes a number of seconds.')
  const config = speakingFor(readConfig(env), values.account)
  const origin = originOf(config, values.to)
  const client = createOperatorClient(origin, tokenOf(config))
  const standIn = await openStandIn(config, voiceNote !== null)
  try {
    const { addMedia } = standIn
    const { caller, from } = pretendCaller(config, {
      from: values.from,
      deliverTo: origin,
      ...(addMedia && { addMedia })
    })
    screen.print(standIn.sentence ?? `The answer is sent by Twilio itself, to ${from}.`)
    const posted = await post(caller, voiceNote ?? words, origin, screen)
    const following = {
      id: `messaging:${config.account.sid}:${posted.messageSid}`,
      waitMs: seconds * 1_000,
      onFrame: (frame: ShownExecution['frames'][number], { at }: ShownExecution) => {
        for (const line of frameLines(frame, at, values.show, screen)) screen.print(line)
      }
    }
    return report(await follow(client, following), posted.messageSid, screen)
  } finally {
    await standIn.close()
  }
}

const options = {
  account: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  show: { type: 'boolean', default: false },
  wait: { type: 'string', default: '120' }
} as const

const audioTypes: Readonly<Record<string, string>> = {
  '.ogg': 'audio/ogg',
  '.oga': 'audio/ogg',
  '.opus': 'audio/ogg',
  '.mp3': 'audio/mpeg',
  '.m4a': 'audio/mp4',
  '.wav': 'audio/wav',
  '.webm': 'audio/webm',
  '.amr': 'audio/amr'
}

type VoiceNote = { readonly bytes: Uint8Array; readonly contentType: string }

/** The file that the words name; null for text. */
function readVoiceNote(words: string): VoiceNote | null {
  const contentType = audioTypes[extname(words).toLowerCase()]
  if (contentType === undefined) return null
  if (existsSync(words)) return { bytes: readFileSync(words), contentType }
  if (/\s/.test(words)) return null
  throw new Error(`There is no file ${words} here.`)
}

async function post(caller: Caller, message: VoiceNote | string, origin: string, screen: Screen): Promise<Posted> {
  const started = performance.now()
  const sending = typeof message === 'string' ? caller.text(message) : caller.voiceNote(message)
  const posted = await sending.catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === undefined) throw cause
    throw new Error(`Nothing answers on ${origin}: start the server (npm start), or check PORT and HOST.`, { cause })
  })
  if (posted.status !== 200) {
    const remedy = remedies[posted.status] ?? "look at the server's log"
    throw new Error(`The server answered ${posted.status}: ${remedy}.`)
  }
  screen.print(`Acknowledged with 200 in ${duration(performance.now() - started)}: ${posted.messageSid}`)
  return posted
}

const remedies: Readonly<Record<number, string>> = {
  403: 'it has another PUBLIC_URL, account or token, or does not serve this address; "knomly doctor" tells which',
  404: 'this is no Knomly server; check PORT, or name the server with --to',
  503: 'it is stopping or cannot keep anything; try again, or see "knomly doctor"'
}

function report(execution: ShownExecution | null, messageSid: string, screen: Screen): number {
  if (execution === null || !isAtRest(execution)) {
    screen.print(`It is ${execution?.state ?? 'not there'} still: see later with "knomly timeline ${messageSid}".`)
    return 1
  }
  const answer = execution.frames.findLast(frame => frame.kind === 'reply.drafted')
  screen.print(`It ended ${execution.state}.`)
  if (answer !== undefined) {
    for (const line of labelled('Answer: ', 8, answer.data.parts.join('\n'))) screen.print(line)
  }
  return execution.state === 'done' ? 0 : 1
}
