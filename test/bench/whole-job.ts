import { startChild } from './child.ts'
import { byTurns, type Round } from './lines.ts'
import type { Note } from './messages.ts'
import { type Ground, makePlace } from './place.ts'
import { startOutside } from './posting.ts'
import { startServer } from './server.ts'

/** Voice notes answered a second, the time of one from webhook to reply (ms), and the memory of our server at the end (MB). */
export interface WholeJob {
  readonly throughput: readonly Round[]
  readonly latency: readonly Round[]
  readonly memory: number
  /** Voice notes that were acknowledged, and those whose work was done in the end. */
  readonly acknowledged: number
  readonly done: number
}

/** Conversations at once, on both sides: as many as there are connections that send notes, which keeps both busy. */
export const concurrency = 32
/** Both sides are slow until their code is compiled, ours for longer. */
export const warmUps = 2

/** Answers voice notes on our server and in a bare loop, by turns: many at once, then one at a time. */
export async function compareWholeJobs(options: {
  rounds: number
  notes: number
  alone: number
  ground: Ground
}): Promise<WholeJob> {
  const outside = await startOutside()
  const { standIns, addresses } = outside
  const peer = startChild('loop.ts')
  const place = makePlace(options.ground)
  const { url, memory, stop } = await startServer({ ...outside.env, WORKER_CONCURRENCY: String(concurrency) }, place)
  const shelve = (count: number) => standIns.ask<Note[]>('shelve', count)
  let acknowledged = 0

  async function serve(count: number): Promise<number> {
    acknowledged += count
    return outside.notesPerSecond(url, count)
  }

  async function converse(count: number): Promise<number> {
    acknowledged += count
    const took = await standIns.ask<number[]>('converse', { url, notes: await shelve(count) })
    return took.reduce((sum, ms) => sum + ms, 0)
  }

  // The loop learns from ours what a request to the model looks like.
  for (let i = 0; i < warmUps; i++) await serve(options.notes)
  const turn = await standIns.ask<object>('turn')
  const loop = async (count: number, width: number) =>
    peer.ask<number>('run', { ...addresses, notes: await shelve(count), concurrency: width, turn })
  for (let i = 0; i < warmUps; i++) await loop(options.notes, concurrency)

  const { rounds, notes, alone } = options
  const throughput = await byTurns(
    rounds,
    () => serve(notes),
    async () => (notes / (await loop(notes, concurrency))) * 1_000
  )
  const latency = await byTurns(
    rounds,
    async () => (await converse(alone)) / alone,
    async () => (await loop(alone, 1)) / alone
  )
  const resident = await memory()
  await stop()
  const { done = 0 } = await place.clear()
  await Promise.all([outside.stop(), peer.stop()])
  return { throughput, latency, memory: resident, acknowledged, done }
}
