import { byTurns, type Round } from './lines.ts'
import { type Ground, makePlace } from './place.ts'
import { startOutside } from './posting.ts'
import { startServer } from './server.ts'

/** Voice notes answered a second by two workers and by one, and whether the work of every one was done in the end. */
export interface Replicas {
  readonly throughput: readonly Round[]
  readonly allDone: boolean
}

/** How long each answer of a provider takes, ms. */
const providerMs = 300

/** Answers voice notes with one worker process and with two, by turns; in both cases a process that only receives takes them. */
export async function compareReplicas(options: { rounds: number; notes: number; ground: Ground }): Promise<Replicas> {
  const outside = await startOutside(providerMs)
  const one = await deploy(1, outside.env, options.ground)
  const two = await deploy(2, outside.env, options.ground)
  const perSecond = (url: string) => outside.notesPerSecond(url, options.notes)

  for (const { url } of [one, two]) await perSecond(url)
  const throughput = await byTurns(
    options.rounds,
    () => perSecond(two.url),
    () => perSecond(one.url)
  )
  const done = [await one.end(), await two.end()]
  await outside.stop()
  return { throughput, allDone: done.every(count => count === (options.rounds + 1) * options.notes) }
}

async function deploy(workers: number, env: Readonly<Record<string, string>>, ground: Ground) {
  const place = makePlace(ground)
  const receiver = await startServer({ ...env, WORKER_CONCURRENCY: '0' }, place)
  const working = Array.from({ length: workers }, () => startServer({ ...env, WORKER_CONCURRENCY: '8' }, place))
  const servers = [receiver, ...(await Promise.all(working))]
  return {
    url: receiver.url,
    /** Stops all of it and answers how many messages were done. */
    async end(): Promise<number> {
      await Promise.all(servers.map(server => server.stop()))
      return (await place.clear()).done ?? 0
    }
  }
}
