import { byTurns, type Round } from './lines.ts'
import { type Ground, makePlace, type Protected } from './place.ts'
import { type Outside, startOutside } from './posting.ts'
import { startServer } from './server.ts'
import { concurrency, warmUps } from './whole-job.ts'

/** Voice notes answered a second as the server is, and without sealing and audit; what each left behind, of which the second must have nothing. */
export interface Protection {
  readonly throughput: readonly Round[]
  readonly allDone: boolean
  readonly kept: Readonly<Record<'ours' | 'peer', Protected>>
}

/**
 * Answers voice notes on two servers by turns: one as it is, one that seals nothing and tells no audit of its work. Both are started anew
 * for each pair: what V8 makes of the same code in two processes differs by as much as what is weighed here.
 */
export async function compareProtection(options: {
  pairs: number
  rounds: number
  notes: number
  ground: Ground
}): Promise<Protection> {
  const { pairs, rounds, notes } = options
  const outside = await startOutside()
  const throughput: Round[] = []
  const ends: { mine: End; its: End }[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const measured = await comparePair(outside, options)
    throughput.push(...measured.throughput)
    ends.push(measured)
  }
  await outside.stop()
  const asked = (rounds + warmUps) * notes
  return {
    throughput,
    allDone: ends.every(({ mine, its }) => mine.done === asked && its.done === asked),
    kept: { ours: sum(ends.map(({ mine }) => mine.kept)), peer: sum(ends.map(({ its }) => its.kept)) }
  }
}

type End = { readonly kept: Protected; readonly done: number }

async function comparePair(outside: Outside, options: { rounds: number; notes: number; ground: Ground }) {
  const env = { ...outside.env, WORKER_CONCURRENCY: String(concurrency) }
  const ours = await deploy(env, options.ground)
  const peer = await deploy(env, options.ground, 'test/bench/unprotected-entry.ts')
  const perSecond = (url: string) => outside.notesPerSecond(url, options.notes)

  for (let i = 0; i < warmUps; i++) for (const { url } of [ours, peer]) await perSecond(url)
  const throughput = await byTurns(
    options.rounds,
    () => perSecond(ours.url),
    () => perSecond(peer.url)
  )
  return { throughput, mine: await ours.end(), its: await peer.end() }
}

function sum(all: readonly Protected[]): Protected {
  return all.reduce((a, b) => ({ sealed: a.sealed + b.sealed, told: a.told + b.told }))
}

async function deploy(env: Readonly<Record<string, string>>, ground: Ground, entry?: string) {
  const place = makePlace(ground)
  const { url, stop } = await startServer(env, place, entry)
  return {
    url,
    async end(): Promise<End> {
      await stop()
      const kept = await place.protection()
      return { kept, done: (await place.clear()).done ?? 0 }
    }
  }
}
