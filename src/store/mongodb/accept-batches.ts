import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../frames/clock.ts'
import { deadlineMs, unavailable } from '../rules.ts'
import type { Acceptance } from '../store.ts'
import type { Collections } from './collections.ts'
import { type Reach, within } from './connection.ts'
import { toDoc } from './executions.ts'
import { duplicatesIn } from './grouped.ts'
import type { Lanes, Ring } from './lanes.ts'

const maxBatch = 500
/** While one batch waits for the majority the next one is written. */
const maxInFlight = 2
/** Where many write, the next ring waits so long for more lanes, unless somebody here looks for work: alone, nobody waits. */
const ringLingerMs = 10

interface Waiter {
  readonly message: Acceptance
  readonly since: number
  resolve(answer: 'accepted' | 'duplicate'): void
  reject(error: unknown): void
}

/** Accepts messages. A message is acknowledged before its lane is rung: `rung` settles once those acknowledged by now are, `settled` once nothing is under way. */
export interface AcceptBatches {
  accept(message: Acceptance): Promise<'accepted' | 'duplicate'>
  rung(): Promise<void>
  settled(): Promise<void>
}

/**
 * Inserts together whatever arrived while earlier batches were in flight, so that one wait for the majority serves all of it. A message
 * whose lane is in flight waits for that batch: two batches could change the order of a conversation. A message is accepted only
 * where the counts prove it: the driver can report a failed insert without naming what failed.
 */
export function createAcceptBatches(parts: {
  executions: Collections['executions']
  lanes: Pick<Lanes, 'ring'>
  clock: Clock
  contentMs: number
  reach: Reach
}): AcceptBatches {
  const { executions, lanes, clock, contentMs, reach } = parts
  let queue: Waiter[] = []
  const lanesInFlight = new Set<string>()
  const inFlight = new Set<Promise<void>>()
  let unrung: Acceptance[] = []
  let ringing: Promise<void> | null = null
  let hurrying = 0
  let endLinger = () => {}

  /** The next batch: what may go now, in the order of arrival. */
  function take(): Waiter[] {
    const batch: Waiter[] = []
    const rest: Waiter[] = []
    const now = clock.monotonic()
    for (const waiter of queue) {
      if (now - waiter.since > deadlineMs) waiter.reject(unavailable('waited too long'))
      else if (batch.length < maxBatch && !lanesInFlight.has(waiter.message.lane)) batch.push(waiter)
      else rest.push(waiter)
    }
    queue = rest
    return batch
  }

  function pump(): void {
    if (inFlight.size >= maxInFlight || queue.length === 0) return
    const batch = take()
    if (batch.length === 0) return
    const taken = new Set(batch.map(({ message }) => message.lane))
    for (const lane of taken) lanesInFlight.add(lane)
    const flight = write(batch).finally(() => {
      for (const lane of taken) lanesInFlight.delete(lane)
      inFlight.delete(flight)
      pump()
    })
    inFlight.add(flight)
    pump()
  }

  async function write(batch: readonly Waiter[]): Promise<void> {
    // A repeat of a message in the same batch has the fate of the first.
    const byId = Map.groupBy(batch, ({ message }) => message.id)
    const first = [...byId.values()].map(([waiter]) => waiter as Waiter)
    try {
      const known = await reach(() => insert(first.map(({ message }) => message)))
      for (const [id, [head, ...repeats]] of byId) {
        head?.resolve(known.has(id) ? 'duplicate' : 'accepted')
        for (const repeat of repeats) repeat.resolve('duplicate')
      }
      ring(first.map(({ message }) => message).filter(({ id }) => !known.has(id)))
    } catch (error) {
      for (const waiter of batch) waiter.reject(error)
    }
  }

  /** Rings together what was kept while the rings before were in flight. What is not rung is found by the sweep: the messages are kept all the same. */
  function ring(messages: readonly Acceptance[]): void {
    unrung.push(...messages)
    ringing ??= ringAll().finally(() => {
      ringing = null
    })
  }

  async function ringAll(): Promise<void> {
    while (unrung.length > 0) {
      const rings = ringsOf(unrung)
      unrung = []
      await within(lanes.ring(rings), deadlineMs).catch(() => {})
      if (rings.length > 1 && hurrying === 0) await linger()
    }
  }

  async function linger(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ringLingerMs)
    endLinger = resolve
    await promise
    clearTimeout(timer)
  }

  /** Inserts messages and answers the ids that were known already, each of them confirmed by a write of its own. */
  async function insert(messages: readonly Acceptance[]): Promise<ReadonlySet<string>> {
    const docs = messages.map(message => toDoc(message, clock.now(), contentMs))
    try {
      const { insertedCount } = await executions.insertMany(docs, { ordered: false })
      if (insertedCount === docs.length) return new Set()
    } catch (error) {
      const known = duplicatesIn(error, docs.length)
      if (known === null) throw error
      const ids = known.map(index => docs[index]?._id ?? '')
      const { matchedCount } = await executions.updateMany({ _id: { $in: ids } }, { $inc: { dups: 1 } })
      if (matchedCount === ids.length) return new Set(ids)
    }
    throw unavailable('the store does not account for every message')
  }

  return {
    accept: message =>
      new Promise((resolve, reject) => {
        queue.push({ message, since: clock.monotonic(), resolve, reject })
        globalThis.setImmediate(pump)
      }),
    async rung() {
      hurrying += 1
      endLinger()
      await ringing
      hurrying -= 1
    },
    async settled() {
      while (queue.length + inFlight.size > 0 || ringing !== null)
        await Promise.all([...inFlight, ringing, setImmediate()])
    }
  }
}

function ringsOf(messages: readonly Acceptance[]): Ring[] {
  const lanes = Map.groupBy(messages, ({ lane }) => lane)
  return [...lanes].map(([lane, [first, ...rest]]) => ({
    lane,
    tenant: first?.tenant ?? '',
    isWork: [first, ...rest].some(message => message?.state === 'queued'),
    arrived: true
  }))
}
