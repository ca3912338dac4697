import { holdLane } from '../inbox/lease.ts'
import type { Claim } from '../store/store.ts'
import type { Engine } from './engine.ts'
import { workLane } from './work-lane.ts'

/** How this process works: for which tenants, how wide, and with which times (ms). */
export interface WorkerOptions {
  readonly tenants: readonly string[]
  /** Conversations worked at once. */
  readonly concurrency: number
  readonly leaseMs: number
  readonly contentMs: number
  /** How long to sleep when nothing is due and nobody rings, ms: the floor under lost wake-ups. */
  readonly pollMs: number
}

/** The worker of this process: one dispatcher that claims lanes, and as many lanes at work as there are slots. */
export interface Worker {
  start(): void
  /** Whether the dispatcher looked for work lately. */
  isAlive(): boolean
  /** How many lanes are at work. */
  running(): number
  /** Claims no more, waits up to `graceMs` for what is running, then ends it early and lets its lanes go. */
  stop(graceMs: number): Promise<void>
}

/** Makes the worker; it does nothing until it is started. */
export function createWorker(engine: Engine, options: WorkerOptions): Worker {
  const { store, clock, entropy } = engine
  const owner = entropy.id()
  const stopping = new AbortController()
  const ending = new AbortController()
  const atWork = new Set<Promise<void>>()
  let lookedAt = clock.monotonic()
  let dispatching = Promise.resolve()
  let wake: () => void = () => {}
  let rung = false

  const ring = () => {
    rung = true
    wake()
  }

  async function dispatch(): Promise<void> {
    let width = 1
    while (!stopping.signal.aborted) {
      lookedAt = clock.monotonic()
      const free = options.concurrency - atWork.size
      if (free <= 0) await Promise.race(atWork)
      else width = await look(Math.min(width, free))
    }
  }

  /** Claims up to `width` lanes and answers how many to ask for next: twice as many while all that is asked for is there. */
  async function look(width: number): Promise<number> {
    rung = false
    const claimedAt = { wall: clock.now(), monotonic: clock.monotonic() }
    const asked = Array.from({ length: width }, () =>
      store
        .claim({ tenants: options.tenants, owner, leaseMs: options.leaseMs })
        // The store says no for now; it is asked again after a pause.
        .catch(() => null)
    )
    const claims = (await Promise.all(asked)).filter(claim => claim !== null)
    if (claims.length === 0) await sleep()
    const suspects = claims.filter(isSuspect)
    for (const claim of claims) if (!suspects.includes(claim)) track(runLane(claim, claimedAt, []))
    for (const claim of suspects) track(runLane(claim, claimedAt, [...atWork]))
    if (suspects.length > 0) await Promise.all(atWork)
    return claims.length === width ? width * 2 : 1
  }

  /** Works a lane once `others` have ended: what may have killed the process before takes no innocent conversation with it again. */
  async function runLane(
    claim: Claim,
    claimedAt: { wall: number; monotonic: number },
    others: readonly Promise<void>[]
  ): Promise<void> {
    const holder = holdLane(engine, claim, { leaseMs: options.leaseMs, contentMs: options.contentMs, claimedAt })
    try {
      await Promise.all(others)
      await workLane(engine, holder, claim.lease, { stopping: stopping.signal, ending: ending.signal })
    } finally {
      holder.close()
    }
  }

  function track(lane: Promise<void>): void {
    const tracked = lane.finally(() => atWork.delete(tracked))
    atWork.add(tracked)
  }

  async function sleep(): Promise<void> {
    if (rung || stopping.signal.aborted) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, options.pollMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    wake = () => {}
  }

  let unsubscribe = () => {}
  return {
    start() {
      if (options.concurrency === 0) return
      unsubscribe = store.onRing(ring)
      dispatching = dispatch()
    },
    isAlive: () =>
      options.concurrency === 0 ||
      (!stopping.signal.aborted &&
        (atWork.size >= options.concurrency || clock.monotonic() - lookedAt < aliveMs + options.pollMs)),
    running: () => atWork.size,
    async stop(graceMs) {
      stopping.abort()
      unsubscribe()
      wake()
      const timer = setTimeout(() => ending.abort(), graceMs)
      await dispatching
      await Promise.all(atWork)
      clearTimeout(timer)
    }
  }
}

const aliveMs = 15_000
// Claimed this often without a step: one of the messages that were at work each time is what kills the process.
const suspectClaims = 3

function isSuspect({ execution }: Claim): boolean {
  return execution.claims >= suspectClaims
}
