// Twilio and OpenAI for both sides: they post no status callbacks, and answer at once, or OpenAI after so many ms as the first argument says.

import { startOpenAI } from '../../src/simulator/openai.ts'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import { sendSigned } from '../../src/simulator/signed-post.ts'
import { startTwilioAccounts, type TwilioSimulator } from '../../src/simulator/twilio.ts'
import { newSid } from '../../src/simulator/twilio-messages.ts'
import { accountSid, authToken, voice } from '../stage.ts'
import { takeOrders } from './child.ts'
import { type Note, otherAccount, personOf, signedNote } from './messages.ts'

/** Where the stand-ins are. */
export interface Addresses {
  readonly twilio: string
  readonly openai: string
}

const { bytes, text } = voice('p01-request')
const apiKey = 'sk-bench'
const delayMs = Number(process.argv[2] ?? 0)
const accounts = [{ accountSid, authToken }, otherAccount]
const [twilio] = (await startTwilioAccounts(
  accounts.map(({ accountSid, authToken }) => ({ accountSid, authToken, statusCallbacks: 'off', keepRequests: 100 }))
)) as [TwilioSimulator, TwilioSimulator]
const openai = await startOpenAI({ apiKey, delayMs, agent: demoAgent, defaultTranscript: text, keepBodies: 10 })
let people = 0
let taken = 0
let awaited: { count: number; arrive: () => void } | null = null
twilio.onMessage(() => {
  taken++
  if (taken === awaited?.count) awaited.arrive()
})

takeOrders({
  addresses: (): Addresses => ({ twilio: twilio.url, openai: openai.baseUrl }),
  /** Puts so many voice notes on the shelf, each of a person of its own: memory would make one side's requests longer. */
  shelve: (count: number): Note[] => Array.from({ length: count }, shelve),
  /** Settles when so many replies were taken since the last time of asking. */
  replies: (count: number) => replies(count),
  /** Holds that many conversations of one note and one reply, one after the other; answers how long each took, ms. */
  async converse({ url, notes }: { url: string; notes: readonly Note[] }) {
    const prepared = notes.map(note => signedNote(url, note))
    const took: number[] = []
    for (const request of prepared) {
      const started = performance.now()
      await Promise.all([replies(1), sendSigned(url, request)])
      took.push(performance.now() - started)
    }
    return took
  },
  /** The request for a first turn as the server under the bench sends it: the peer sends the same. */
  turn: () => openai.requests.find(({ kind, body }) => kind === 'responses' && body !== null)?.body
})

function shelve(): Note {
  const messageSid = newSid('SM')
  return { messageSid, from: personOf(people++), mediaUrl: twilio.addMedia(messageSid, bytes, 'audio/ogg') }
}

async function replies(count: number): Promise<void> {
  taken = 0
  await new Promise<void>(arrive => {
    awaited = { count, arrive }
  })
}
