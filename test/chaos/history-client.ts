import { setTimeout as wait } from 'node:timers/promises'
import type { Execution } from '../../src/frames/execution.ts'
import type { Frame } from '../../src/frames/frame.ts'
import type { Lease, Store } from '../../src/store/store.ts'
import { message, step } from '../store/builders.ts'
import type { HistoryLog, Told } from './history-log.ts'

const tenants = ['tenant-1']
const leaseMs = 500

/** One client of the store that asks for random things, also when it should not: it sleeps through its leases and goes on writing. */
export interface HistoryClient {
  /** Sends a message of a lane. */
  accept(lane: string, id: string): Promise<void>
  /** Takes a lane and works on it for a while; answers whether there was one. */
  work(): Promise<boolean>
  /** Takes a lane, if there is one, and ends what waits in it. */
  drain(): Promise<boolean>
  /** Takes a lane, sleeps until its lease has run out and the lane is taken anew, and writes late; answers whether that was refused. */
  oversleep(): Promise<boolean>
  /** Decides what waits for a person, each question twice at once; answers how many there were. */
  decide(): Promise<number>
}

/** Makes a client over a store. */
export function createHistoryClient(store: Store, log: HistoryLog, random: () => number): HistoryClient {
  const claim = () =>
    log.ask(
      { op: 'claim' },
      () => store.claim({ tenants, owner: 'history', leaseMs }),
      claim =>
        claim && { answer: 'ok', lane: claim.lease.lane, execution: claim.execution.id, fence: claim.lease.fence }
    )

  /** Writes one frame, as an append or as an end; answers it where it is kept. */
  async function write(
    op: 'append' | 'finish' | 'park',
    { lane, fence }: Lease,
    frame: Frame,
    call: () => Promise<boolean>
  ): Promise<boolean | null> {
    const about = { op, lane, fence, execution: frame.execution, frame: frame.id }
    return log.ask(about, call, told)
  }

  async function finish(lease: Lease, tail: Frame, takeNext: boolean): Promise<Execution | null> {
    const frame = step(tail, tail.execution)
    const end = { state: 'done', frames: [frame], takeNext, purgeAt: null } as const
    let next: Execution | null = null
    await write('finish', lease, frame, async () => {
      const { ended, next: following } = await store.finish(lease, frame.execution, end)
      next = following
      return ended
    })
    return next
  }

  async function park(lease: Lease, tail: Frame): Promise<void> {
    const frame = step(tail, tail.execution)
    const expiresAt = Date.now() + 50
    const approval = { id: questionOf(frame), hash: 'f'.repeat(64), state: 'pending', expiresAt }
    const parking = { frames: [frame], approval, timerAt: expiresAt, takeNext: false }
    await write('park', lease, frame, async () => (await store.park(lease, frame.execution, parking)).ended)
  }

  /** Works on an execution; answers the one that came after it under the same lease. */
  async function hold(lease: Lease, execution: Execution): Promise<Execution | null> {
    let tail = execution.frames.at(-1) as Frame
    for (let left = Math.floor(random() * 4); left > 0; left--) {
      await wait(random() < 0.15 ? leaseMs * (1 + random()) : random() * 40)
      if (random() < 0.4) await heartbeat(lease)
      const frame = step(tail, execution.id)
      if (await write('append', lease, frame, () => store.append(lease, execution.id, [frame]))) tail = frame
      else if (random() < 0.5) return null
    }
    const way = random()
    if (way < 0.6) return finish(lease, tail, random() < 0.7)
    if (way < 0.8) await park(lease, tail)
    else if (way < 0.9) await store.release(lease).catch(() => {})
    return null
  }

  function heartbeat(lease: Lease): Promise<boolean | null> {
    const { lane, fence } = lease
    return log.ask({ op: 'heartbeat', lane, fence }, () => store.heartbeat(lease, leaseMs), told)
  }

  async function through(next: (lease: Lease, execution: Execution) => Promise<Execution | null>): Promise<boolean> {
    const taken = await claim()
    let execution = taken?.execution ?? null
    while (taken !== null && execution !== null) {
      execution = await next(taken.lease, execution)
      if (execution === null) continue
      const { lane, fence } = taken.lease
      const got = { op: 'next', lane, fence, execution: execution.id } as const
      await log.ask(got, async () => true, told)
    }
    return taken !== null
  }

  return {
    async accept(lane, id) {
      const first = message({ id, lane })
      const about = { op: 'accept', lane, execution: id, frame: first.frames[0]?.id ?? null } as const
      await log.ask(
        about,
        () => store.accept(first),
        () => ({ answer: 'ok' })
      )
    },
    work: () => through(hold),
    async oversleep() {
      const late = await claim()
      if (late === null) return false
      await wait(leaseMs * 1.5)
      let isRefused = false
      await through(async (lease, execution) => {
        const frame = step(late.execution)
        const kept = await write('append', late.lease, frame, () => store.append(late.lease, frame.execution, [frame]))
        isRefused ||= kept === false
        return finish(lease, execution.frames.at(-1) as Frame, true)
      })
      return isRefused
    },
    drain: () => through((lease, execution) => finish(lease, execution.frames.at(-1) as Frame, true)),
    async decide() {
      const waiting = await store.due(10).catch(() => [])
      await Promise.all(
        waiting.flatMap(execution =>
          ['approved', 'expired'].map(async state => {
            const frame = step(execution)
            const approval = { id: questionOf(execution.frames.at(-1) as Frame), state }
            const about = { op: 'decide', lane: execution.lane, execution: execution.id, frame: frame.id } as const
            await log.ask(about, () => store.decide(execution.id, frame, approval), told)
          })
        )
      )
      return waiting.length
    }
  }
}

function told(kept: boolean): Told {
  return { answer: kept ? 'ok' : 'refused' }
}

/** The name of a question is that of the frame that asks it, so that every client knows it. */
function questionOf(frame: Frame): string {
  return `question-${frame.id}`
}
