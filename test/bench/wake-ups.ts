import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../stage.ts'
import { startChild } from './child.ts'
import type { Claimed } from './dropping-server.ts'
import { type Ground, makePlace } from './place.ts'
import { environmentOf } from './server.ts'

/** Times in ms: from an acknowledgement to the claim in another process, and of a majority write, one before each. */
export interface WakeUps {
  readonly claims: readonly number[]
  readonly writes: readonly number[]
  /** Messages that the worker found because it was its time to look; they are not among the claims. */
  readonly polled: number
}

/** Conversations that are open: most messages come from people who have written before. */
const people = 100
/** Long enough for the writes of one message to have come to rest everywhere. */
const pauseMs = 30

/** Accepts messages one at a time in one process and takes the time until the sleeping worker of another has claimed each. */
export async function measureWakeUps({ samples, ground }: { samples: number; ground: Ground }): Promise<WakeUps> {
  const { write, wake, end } = await startBoth(ground)
  for (let i = 0; i < people; i++) await wake()
  const claims: number[] = []
  const writes: number[] = []
  let polled = 0
  while (claims.length < samples && polled < samples) {
    writes.push(await write())
    const { ms, isRung } = await wake()
    if (isRung) claims.push(ms)
    else polled++
  }
  await end()
  return { claims, writes, polled }
}

/** A process that accepts and one that works, both idle whenever a promise of theirs has settled. */
async function startBoth(ground: Ground) {
  const place = makePlace(ground)
  const worker = startChild('dropping-server.ts')
  const receiver = startChild('accepting-store.ts')
  const env = { ...environmentOf(place, await freePort()), WORKER_CONCURRENCY: '1', LOG_LEVEL: 'error' }
  // Nobody is there: it must not ask the real Twilio for messages of an account that does not exist.
  await worker.ask('start', { ...env, TWILIO_API_URL: 'http://127.0.0.1:9' })
  await receiver.ask('open', place.env.MONGODB_URI)
  let sent = 0
  return {
    async write(): Promise<number> {
      const ms = await receiver.ask<number>('write')
      await wait(pauseMs)
      return ms
    },
    async wake(): Promise<{ ms: number; isRung: boolean }> {
      const id = `message-${++sent}`
      const claimed = worker.ask<Claimed>('claimed', id)
      const acknowledgedAt = await receiver.ask<number>('accept', { id, lane: `lane-${sent % people}` })
      const { at, isRung } = await claimed
      await wait(pauseMs)
      return { ms: at - acknowledgedAt, isRung }
    },
    async end(): Promise<void> {
      await Promise.all([worker.stop(), receiver.stop()])
      await place.clear()
    }
  }
}
