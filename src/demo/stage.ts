import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createOperatorClient, follow, isAtRest } from '../operator-client.ts'
import type { Agent } from '../simulator/agent-script.ts'
import { type Caller, createCaller } from '../simulator/caller.ts'
import { serveLoopback } from '../simulator/loopback.ts'
import { type OpenAISimulator, startOpenAI } from '../simulator/openai.ts'
import { cannedTranscripts } from '../simulator/scenarios.ts'
import { startTwilio, type TwilioSimulator } from '../simulator/twilio.ts'
import type { SentMessage } from '../simulator/twilio-messages.ts'
import type { ShownExecution } from '../timeline.ts'
import { createDemoServer, type DemoServer } from './server.ts'

/** Everything the demo plays on, in a temporary folder and on loopback. */
export interface DemoStage {
  readonly url: string
  readonly dir: string
  readonly settings: Readonly<Record<string, string>>
  readonly server: DemoServer
  readonly twilio: TwilioSimulator
  readonly openai: OpenAISimulator
  readonly recognisesSpeech: boolean
  /** Somebody who writes; with another token than the account's, somebody who only pretends to. */
  caller(from: string, authToken?: string): Caller
  /** What was sent to a person, in order. */
  answersTo(person: string): readonly SentMessage[]
  execution(messageSid: string): Promise<ShownExecution | null>
  /** The execution once it rests, in whatever state. Rejects with an Error where it is not there in time. */
  rested(messageSid: string): Promise<ShownExecution>
  /** The execution at rest. Rejects with an Error that says what did not happen in time. */
  ended(messageSid: string): Promise<ShownExecution>
  /** Waits until it holds. Rejects with an Error that says so where it does not in time. */
  until(holds: () => boolean | Promise<boolean>, what: string): Promise<void>
  close(): Promise<void>
}

export interface DemoStageOptions {
  readonly agent: Agent
  /** Whether the model for `SPEECH=local` is at hand; without it the words of the voice notes are canned. */
  readonly recognisesSpeech: boolean
  /** How long one thing may take. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/** A voice note that came with the repository. */
export function readVoice(file: string): Buffer {
  return readFileSync(join(voices, file))
}

/** Sets the stage up; no server runs yet. */
export async function setDemoStage(options: DemoStageOptions): Promise<DemoStage> {
  const { agent, recognisesSpeech, patienceMs, signal } = options
  const [authToken, operatorToken] = [secret(), secret()]
  const twilio = await startTwilio({ accountSid, authToken })
  const transcripts = cannedTranscripts(readVoice('transcripts.jsonl').toString(), readVoice)
  const openai = await startOpenAI({ agent, transcripts })
  const url = `http://127.0.0.1:${await freePort()}`
  const dir = mkdtempSync(join(tmpdir(), 'knomly-demo-'))
  const settings = settingsOf({ url, dir, authToken, operatorToken, twilio, openai, recognisesSpeech })
  const server = createDemoServer({ url, env: settings, logFile: join(dir, 'server.log'), signal })
  const client = createOperatorClient(url, operatorToken)
  const idOf = (messageSid: string) => `messaging:${accountSid}:${messageSid}`

  return {
    ...{ url, dir, settings, server, twilio, openai, recognisesSpeech },
    caller: (from, token = authToken) =>
      createCaller({ accountSid, authToken: token, publicUrl: url, from, to: ours, addMedia: twilio.addMedia }),
    answersTo: person => twilio.messages.filter(({ to }) => to === person),
    execution: messageSid => client.execution(idOf(messageSid)),
    async rested(messageSid) {
      const execution = await follow(client, { id: idOf(messageSid), waitMs: patienceMs })
      if (execution === null || !isAtRest(execution)) throw new Error('the message did not come to rest')
      return execution
    },
    async ended(messageSid) {
      const execution = await follow(client, { id: idOf(messageSid), waitMs: patienceMs })
      if (execution?.state === 'done') return execution
      throw new Error(`the message is ${execution?.state ?? 'not there'} and not done`)
    },
    async until(holds, what) {
      const deadline = performance.now() + patienceMs
      while (!(await holds())) {
        if (performance.now() > deadline) throw new Error(`${what} did not happen within ${patienceMs / 1_000} s`)
        await wait(5, undefined, { signal })
      }
    },
    async close() {
      await server.stop()
      await Promise.all([twilio.close(), openai.close()])
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

const voices = join(import.meta.dirname, '../../test/voices')
const accountSid = `AC${'d0'.repeat(16)}`
const ours = 'whatsapp:+14155238886'

type Surroundings = Pick<DemoStage, 'url' | 'dir' | 'twilio' | 'openai' | 'recognisesSpeech'>

function settingsOf(of: Surroundings & { authToken: string; operatorToken: string }): Readonly<Record<string, string>> {
  return {
    PORT: new URL(of.url).port,
    PUBLIC_URL: of.url,
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: of.authToken,
    TWILIO_SENDERS: `${ours},${ours.slice('whatsapp:'.length)}`,
    TWILIO_API_URL: of.twilio.url,
    ALLOWED_SENDERS: '*',
    OPENAI_BASE_URL: of.openai.baseUrl,
    OPERATOR_TOKEN: of.operatorToken,
    DATA_DIR: join(of.dir, 'data'),
    SPEECH: of.recognisesSpeech ? 'local' : 'openai'
  }
}

function secret(): string {
  return randomBytes(16).toString('hex')
}

async function freePort(): Promise<string> {
  const { url, close } = await serveLoopback(async () => undefined)
  await close()
  return new URL(url).port
}
