import { startChild } from './child.ts'
import type { Round } from './lines.ts'
import { type Ground, makePlace, type Protected } from './place.ts'
import { postNotes } from './posting.ts'
import { startServer } from './server.ts'
import type { Addresses } from './stand-ins.ts'

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
  const standIns = startChild('stand-ins.ts')
  const generator = startChild('generator.ts')
  const { twilio, openai } = await standIns.ask<Addresses>('addresses')
  const env = { TWILIO_API_URL: twilio, OPENAI_BASE_URL: openai }
  const ours = await deploy(env, options.ground)
  const peer = await deploy(env, options.ground, 'test/bench/unprotected-entry.ts')
  const perSecond = async (url: string) =>
    (options.notes / (await postNotes(generator, standIns, url, options.notes))) * 1_000

  for (const { url } of [ours, peer]) await perSecond(url)
  const throughput: Round[] = []
  for (let i = 0; i < options.rounds; i++) {
    const without = await perSecond(peer.url)
    throughput.push({ ours: await perSecond(ours.url), peer: without })
  }
  const [mine, its] = [await ours.end(), await peer.end()]
  await Promise.all([generator.stop(), standIns.stop()])
  const allDone = [mine, its].every(({ done }) => done === (options.rounds + 1) * options.notes)
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
