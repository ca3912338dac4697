import { byTurns, type Round } from './lines.ts'
import { type Ground, makePlace, type Protected } from './place.ts'
import { startOutside } from './posting.ts'
import { startServer } from './server.ts'
import { concurrency, warmUps } from './whole-job.ts'

/** Voice notes answered a second as the server is, and without sealing and audit; what each left behind, of which the second must have nothing. */
export interface Protection {
  readonly throughput: readonly Round[]
  readonly allDone: boolean
  readonly kept: Readonly<Record<'ours' | 'peer', Protected>>
}

/** Answers voice notes on two servers by turns: one as it is, one that seals nothing and tells no audit of its work. */
export async function compareProtection(options: {
  rounds: number
  notes: number
  ground: Ground
}): Promise<Protection> {
  const outside = await startOutside()
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
  const [mine, its] = [await ours.end(), await peer.end()]
  await outside.stop()
  const allDone = [mine, its].every(({ done }) => done === (options.rounds + warmUps) * options.notes)
  return { throughput, allDone, kept: { ours: mine.kept, peer: its.kept } }
}

async function deploy(env: Readonly<Record<string, string>>, ground: Ground, entry?: string) {
  const place = makePlace(ground)
  const { url, stop } = await startServer(env, place, entry)
  return {
    url,
    async end() {
      await stop()
      const kept = await place.protection()
      return { kept, done: (await place.clear()).done ?? 0 }
    }
  }
}
