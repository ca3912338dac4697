import { startChild } from './child.ts'
import type { Round } from './lines.ts'
import { type Ground, makePlace } from './place.ts'
import { postTexts } from './posting.ts'
import { startServer } from './server.ts'

/** Acknowledgements a second of both servers, by how many connections, and the memory of ours at the end (MB). */
export interface Acknowledgements {
  readonly rounds: readonly { readonly connections: number; readonly rounds: readonly Round[] }[]
  readonly memory: number
  /** Messages that were acknowledged, and those that the store held in the end. */
  readonly acknowledged: number
  readonly kept: number
}

/** Posts the same load to our server, which only receives, and to a bare one, by turns. */
export async function compareAcknowledgements(options: {
  rounds: readonly { connections: number; messages: number; times: number }[]
  ground: Ground
}): Promise<Acknowledgements> {
  const generator = startChild('generator.ts')
  const bare = startChild('bare-server.ts')
  const place = makePlace(options.ground)
  const ours = await startServer({ WORKER_CONCURRENCY: '0' }, place)
  const bareUrl = await bare.ask<string>('listen')
  let acknowledged = 0

  async function measure(url: string, connections: number, count: number): Promise<number> {
    const perSecond = await postTexts(generator, url, connections, count)
    if (url === ours.url) acknowledged += count
    return perSecond
  }

  // The first requests are slow on both sides: the code is compiled as it runs.
  for (const url of [ours.url, bareUrl]) await measure(url, 32, options.rounds[0]?.messages ?? 0)
  const rounds: { connections: number; rounds: Round[] }[] = []
  for (const { connections, messages, times } of options.rounds) {
    const measured: Round[] = []
    for (let i = 0; i < times; i++) {
      const peer = await measure(bareUrl, connections, messages)
      measured.push({ ours: await measure(ours.url, connections, messages), peer })
    }
    rounds.push({ connections, rounds: measured })
  }
  const memory = await ours.memory()
  await ours.stop()
  const states = await place.clear()
  await Promise.all([generator.stop(), bare.stop()])
  return { rounds, memory, acknowledged, kept: Object.values(states).reduce((sum, count) => sum + count, 0) }
}
