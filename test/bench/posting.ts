import { type Child, startChild } from './child.ts'
import type { Posted } from './generator.ts'
import type { Note } from './messages.ts'
import type { Addresses } from './stand-ins.ts'

const noteConnections = 32

/** What stands around servers under the bench: the providers, and people who send voice notes. */
export interface Outside {
  readonly standIns: Child
  /** What a server is told of the providers. */
  readonly env: Readonly<Record<string, string>>
  readonly addresses: Addresses
  /** Posts so many voice notes to a server, and answers how many had their reply a second. Rejects where one was not acknowledged. */
  notesPerSecond(url: string, count: number): Promise<number>
  stop(): Promise<void>
}

/** Starts providers, each answer of which takes OpenAI `delayMs`, and a generator of load. */
export async function startOutside(delayMs = 0): Promise<Outside> {
  const generator = startChild('generator.ts')
  const standIns = startChild('stand-ins.ts', [String(delayMs)])
  const addresses = await standIns.ask<Addresses>('addresses')
  return {
    ...{ standIns, addresses },
    env: { TWILIO_API_URL: addresses.twilio, OPENAI_BASE_URL: addresses.openai },
    notesPerSecond: async (url, count) => (count / (await postNotes(generator, standIns, url, count))) * 1_000,
    stop: async () => void (await Promise.all([generator.stop(), standIns.stop()]))
  }
}

/** Posts text messages and answers how many were acknowledged a second. Rejects where one was not. */
export async function postTexts(generator: Child, url: string, connections: number, count: number): Promise<number> {
  await generator.ask('prepareTexts', { url, count })
  return (count / (await postAll(generator, url, connections, count))) * 1_000
}

/** Posts voice notes and answers how long it took until every one had its reply, ms. Rejects where one was not acknowledged. */
async function postNotes(generator: Child, standIns: Child, url: string, count: number): Promise<number> {
  await generator.ask('prepareNotes', { url, notes: await standIns.ask<Note[]>('shelve', count) })
  const replied = standIns.ask('replies', count)
  const started = performance.now()
  await postAll(generator, url, noteConnections, count)
  await replied
  return performance.now() - started
}

async function postAll(generator: Child, url: string, connections: number, count: number): Promise<number> {
  const { answered, ms } = await generator.ask<Posted>('post', { url, connections })
  if (answered !== count) throw new Error(`${count - answered} of ${count} messages were not acknowledged`)
  return ms
}
