import { openQuestion } from '../frames/approval.ts'
import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Observe } from '../frames/event.ts'
import type { Execution, State } from '../frames/execution.ts'
import { type Draft, type Frame, makeFrame, relinkFrame } from '../frames/frame.ts'
import { noteKinds } from '../frames/kinds.ts'
import { noTail } from '../frames/tail.ts'
import type { AuditOf } from '../store/audit.ts'
import type { Claim, Extras, Store } from '../store/store.ts'

/** Thrown, and the reason of the aborted signal, when a lane was lost to another holder: stop, write nothing, start nothing. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}

/** The holder of a lane: what it writes is written under its token, and it stops when it learns that the lane is no longer its own. */
export interface Holder {
  /** The execution at work, as last seen. */
  readonly execution: Execution
  /** Aborts when the lease is lost. */
  readonly signal: AbortSignal
  /** Whether the lease is younger than 70 % of its length on both clocks, renewed where it is not: the condition for starting an effect. */
  isFresh(): Promise<boolean>
  /** Whether this very claim wrote the frame: only then may its effect be run and not recovered. */
  wrote(frame: Frame): boolean
  /** Makes a frame that follows `pending`, not yet kept. */
  make(draft: Draft, pending: readonly Frame[]): Frame
  /** Keeps frames; when notes came between it moves them behind. Throws LeaseLost. */
  append(frames: readonly Frame[], extras?: Extras): Promise<void>
  /** Keeps frames and ends the execution; the next one of the lane becomes `execution` if `takeNext` and there is one. Throws LeaseLost. */
  finish(
    state: State,
    frames: readonly Frame[],
    options: { extras?: Extras; takeNext: boolean }
  ): Promise<Execution | null>
  /** Keeps frames and parks the execution until its question is answered or expires; the lane goes on as with `finish`. Throws LeaseLost. */
  park(frames: readonly Frame[], options: { extras?: Extras; takeNext: boolean }): Promise<Execution | null>
  /** Lets go of the lane, due at `wakeAt` (ms) or at once. */
  release(wakeAt?: number): Promise<void>
  /** Stops the heartbeat. */
  close(): void
}

const freshShare = 0.7
const answerLateMs = 30_000

/** Holds a claimed lane with a heartbeat every third of the lease. */
export function holdLane(
  parts: { store: Store; clock: Clock; entropy: Entropy; observe: Observe; auditOf: AuditOf },
  claim: Claim,
  options: { leaseMs: number; contentMs: number; claimedAt: { wall: number; monotonic: number } }
): Holder {
  const { store, clock, observe } = parts
  const { lease } = claim
  const lost = new AbortController()
  const written = new Set<string>()
  let execution = claim.execution
  let renewed = options.claimedAt
  // Until its first frame is kept, an execution counts this claim among those who may have died at it; who lives takes it back.
  let takesBack = true
  let beatAt = clock.monotonic()
  /** It may be the work that keeps this process from its heartbeats: then it is as deadly as work that kills it. */
  const lookBack = () => {
    const now = clock.monotonic()
    if (now - beatAt >= options.leaseMs) takesBack = false
    beatAt = now
  }

  const isYoung = () => !lost.signal.aborted && age() < options.leaseMs * freshShare
  const age = () => Math.max(clock.now() - renewed.wall, clock.monotonic() - renewed.monotonic)
  const lose = () => {
    if (lost.signal.aborted) return
    observe('lease.lost', { lane: lease.lane })
    lost.abort(new LeaseLost())
    // Where the store cannot be reached the claim stands: it takes more than one to call a message deadly.
    if (takesBack) store.unclaim(execution.id, execution.n).catch(() => {})
  }
  const beat = async () => {
    const asked = { wall: clock.now(), monotonic: clock.monotonic() }
    lookBack()
    try {
      if (await store.heartbeat(lease, options.leaseMs)) renewed = asked
      else lose()
    } catch {
      // A store that cannot be reached is asked again until the lease has run out.
      if (age() >= options.leaseMs) lose()
    }
  }
  const heartbeat = setInterval(() => void beat(), options.leaseMs / 3)
  heartbeat.unref()

  /** Runs a guarded write until it holds: a miss is forgiven only when notes alone came between. What is told of the frames goes by where they come to stand. */
  async function write<T>(
    frames: readonly Frame[],
    extras: Extras | undefined,
    attempt: (frames: readonly Frame[], extras: Extras) => Promise<T | null>
  ): Promise<T> {
    let pending = frames
    while (!lost.signal.aborted) {
      const kept = await attempt(pending, { ...extras, audit: parts.auditOf(execution, pending) })
      if (kept !== null) {
        for (const frame of pending) written.add(frame.id)
        takesBack = false
        execution = { ...execution, n: execution.n + pending.length, frames: [...execution.frames, ...pending] }
        return kept
      }
      const current = await store.read(execution.id)
      const between = current?.frames.slice(execution.n) ?? []
      const rebased = current !== null && current.token === lease.token && between.length > 0
      if (!rebased || !between.every(frame => noteKinds.has(frame.kind))) break
      execution = current
      pending = relinkAll(pending, current.frames)
    }
    lookBack()
    lose()
    throw new LeaseLost()
  }

  function goOn(next: Execution | null): Execution | null {
    if (next === null) return null
    execution = next
    takesBack = true
    return next
  }

  return {
    get execution() {
      return execution
    },
    signal: lost.signal,
    async isFresh() {
      // A process that stood still for a while asks whether the lane is still its own before it gives the effect up.
      if (!isYoung()) await beat()
      return isYoung()
    },
    wrote: frame => written.has(frame.id),
    make: (draft, pending) =>
      makeFrame(execution.id, pending.at(-1) ?? execution.frames.at(-1) ?? noTail, draft, parts) as Frame,
    append: async (frames, extras) => {
      await write(frames, extras, async (pending, more) =>
        (await store.append(lease, execution.id, pending, more)) ? true : null
      )
    },
    finish: async (state, frames, { extras, takeNext }) => {
      const purgeAt = clock.now() + options.contentMs
      const next = await write(frames, extras, async (pending, more) => {
        const end = { state, frames: pending, takeNext, purgeAt, extras: more }
        const result = await store.finish(lease, execution.id, end)
        return result.ended ? { execution: result.next } : null
      })
      return goOn(next.execution)
    },
    park: async (frames, { extras, takeNext }) => {
      const request = openQuestion([...execution.frames, ...frames])
      if (request === undefined) throw new TypeError('an execution is parked for a question')
      const { hash, binding } = request.data
      const approval = { id: request.id, hash, state: 'pending', expiresAt: binding.exp }
      // What was sent in time may be read a little later.
      const timerAt = binding.exp + answerLateMs
      const next = await write(frames, extras, async (pending, more) => {
        const result = await store.park(lease, execution.id, {
          frames: pending,
          approval,
          timerAt,
          takeNext,
          extras: more
        })
        return result.ended ? { execution: result.next } : null
      })
      return goOn(next.execution)
    },
    release: async wakeAt => {
      if (!lost.signal.aborted) await store.release(lease, wakeAt)
    },
    close: () => clearInterval(heartbeat)
  }
}

function relinkAll(frames: readonly Frame[], before: readonly Frame[]): Frame[] {
  const moved: Frame[] = []
  for (const frame of frames) moved.push(relinkFrame(frame, moved.at(-1) ?? before.at(-1) ?? noTail))
  return moved
}
