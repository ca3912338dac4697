import { type Child, startChild } from './child.ts'
import type { Round } from './lines.ts'
import type { Note } from './messages.ts'
import { type Ground, makePlace } from './place.ts'
import { postNotes } from './posting.ts'
import { startServer } from './server.ts'
import type { Addresses } from './stand-ins.ts'

/** Voice notes answered a second, the time of one from webhook to reply (ms), and the memory of our server at the end (MB). */
export interface WholeJob {
  readonly throughput: readonly Round[]
  readonly latency: readonly Round[]
  readonly memory: number
  /** Voice notes that were acknowledged, and those whose work was done in the end. */
  readonly acknowledged: number
  readonly done: number
}

/** Conversations at once: as many as a server works that is told nothing. */
const concurrency = 8

/** Answers voice notes on our server and in a bare loop, by turns: many at once, then one at a time. */
export async function compareWholeJobs(options: {
  rounds: number
  notes: number
  alone: number
  ground: Ground
}): Promise<WholeJob> {
  const standIns = startChild('stand-ins.ts')
  const peer = startChild('loop.ts')
  const generator = startChild('generator.ts')
  const addresses = await standIns.ask<Addresses>('addresses')
  const env = { TWILIO_API_URL: addresses.twilio, OPENAI_BASE_URL: addresses.openai }
  const place = makePlace(options.ground)
  const { url, memory, stop } = await startServer(env, place)
  const shelve = (count: number) => standIns.ask<Note[]>('shelve', count)
  let acknowledged = 0

  async function serve(count: number): Promise<number> {
    acknowledged += count
    return postNotes(generator, standIns, url, count)
  }

  async function converse(count: number): Promise<number> {
    acknowledged += count
    const took = await standIns.ask<number[]>('converse', { url, notes: await shelve(count) })
    return took.reduce((sum, ms) => sum + ms, 0)
  }

  // The first jobs are slow on both sides; and the loop learns from ours what a request to the model looks like.
  await serve(options.notes)
  const turn = await standIns.ask<object>('turn')
  const loop = async (count: number, width: number) =>
    peer.ask<number>('run', { ...addresses, notes: await shelve(count), concurrency: width, turn })
  await loop(options.notes, concurrency)

  const throughput: Round[] = []
  const latency: Round[] = []
  const perSecond = (ms: number) => (options.notes / ms) * 1_000
  for (let i = 0; i < options.rounds; i++) {
    const bare = perSecond(await loop(options.notes, concurrency))
    throughput.push({ ours: perSecond(await serve(options.notes)), peer: bare })
  }
  for (let i = 0; i < options.rounds; i++) {
    const bare = (await loop(options.alone, 1)) / options.alone
    latency.push({ ours: (await converse(options.alone)) / options.alone, peer: bare })
  }
  const resident = await memory()
  await stop()
  const { done = 0 } = await place.clear()
  await Promise.all([standIns, peer, generator].map((child: Child) => child.stop()))
  return { throughput, latency, memory: resident, acknowledged, done }
}
