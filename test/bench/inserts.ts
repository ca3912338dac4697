import { startChild } from './child.ts'
import { byTurns, type Round } from './lines.ts'
import { type Ground, makePlace } from './place.ts'
import { postTexts } from './posting.ts'
import { startServer } from './server.ts'

/** Acknowledgements a second with group commit and with one insert a message, and whether every message that was acknowledged is kept. */
export interface Inserts {
  readonly rounds: readonly Round[]
  readonly allKept: boolean
}

const connections = 128

/** Posts the same load to two servers that only receive, by turns: one as it is, one that inserts each message by itself. */
export async function compareInserts(options: { rounds: number; messages: number; ground: Ground }): Promise<Inserts> {
  const generator = startChild('generator.ts')
  const grouped = await startReceiver(options.ground)
  const single = await startReceiver(options.ground, 'test/bench/one-insert-entry.ts')
  const post = (url: string) => postTexts(generator, url, connections, options.messages)

  // The first requests are slow on both sides: the code is compiled as it runs.
  for (const { url } of [grouped, single]) await post(url)
  const rounds = await byTurns(
    options.rounds,
    () => post(grouped.url),
    () => post(single.url)
  )
  const sent = (1 + options.rounds) * options.messages
  const kept = [await grouped.end(), await single.end()]
  await generator.stop()
  return { rounds, allKept: kept.every(count => count === sent) }
}

async function startReceiver(ground: Ground, entry?: string) {
  const place = makePlace(ground)
  const { url, stop } = await startServer({ WORKER_CONCURRENCY: '0' }, place, entry)
  return {
    url,
    /** Stops it and answers how many messages are queued. */
    async end(): Promise<number> {
      await stop()
      return (await place.clear()).queued ?? 0
    }
  }
}
