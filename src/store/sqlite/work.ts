import type { Extras, Lease, Store } from '../store.ts'
import type { Executions, Standing } from './executions.ts'
import { follow, type Journal, type Page } from './journal.ts'
import type { Lanes } from './lanes.ts'
import type { Kept } from './queries.ts'

type Ended = { ended: boolean; next: Kept | null }
type End = Omit<Parameters<Store['finish']>[2], 'frames'>
type Parking = Omit<Parameters<Store['park']>[2], 'frames'>

/** What a worker does under a lease. Every change is refused once the lane or the execution carries another token. */
export function createWork(parts: { journal: Journal; executions: Executions; lanes: Lanes }) {
  const { journal, executions, lanes } = parts

  /** Writes the frames if the lease holds and they are the next ones; null where it does not. */
  function extend(lease: Lease, id: string, pages: readonly Page[], extras?: Extras): Standing | null {
    const held = executions.held(id, lease)
    if (held === undefined || !follow(pages, held.n)) return null
    journal.write(held.arrival, pages, extras)
    executions.advance(held.arrival, pages)
    return held
  }

  /** After an end: the lane's next under the same lease, or the lane let go. */
  function goOn(now: number, lease: Lease, takeNext: boolean): Ended {
    const head = executions.head(lease.lane)
    if (takeNext && head !== null) return { ended: true, next: executions.run(head, lease) }
    lanes.letGo(now, lease, head === null ? null : 0)
    return { ended: true, next: null }
  }

  const refused: Ended = { ended: false, next: null }

  return {
    claim(now: number, options: Parameters<Store['claim']>[0], token: string): { lease: Lease; kept: Kept } | null {
      for (;;) {
        const lease = lanes.take(now, options, token)
        if (lease === null) return null
        const head = executions.head(lease.lane)
        if (head !== null) return { lease, kept: executions.run(head, lease) }
        lanes.letGo(now, lease, null)
      }
    },
    heartbeat: (now: number, lease: Lease, leaseMs: number): boolean => lanes.extend(now, lease, leaseMs),
    append(_now: number, lease: Lease, id: string, pages: readonly Page[], extras?: Extras): boolean {
      const held = extend(lease, id, pages, extras)
      if (held === null) return false
      executions.resetClaims(held.arrival)
      return true
    },
    finish(
      now: number,
      lease: Lease,
      id: string,
      pages: readonly Page[],
      { state, extras, takeNext, purgeAt }: End
    ): Ended {
      const held = extend(lease, id, pages, extras)
      if (held === null) return refused
      executions.end(held.arrival, state, purgeAt)
      return goOn(now, lease, takeNext)
    },
    park(
      now: number,
      lease: Lease,
      id: string,
      pages: readonly Page[],
      { approval, timerAt, takeNext, extras }: Parking
    ): Ended {
      const held = extend(lease, id, pages, extras)
      if (held === null) return refused
      executions.park(held.arrival, approval, timerAt)
      return goOn(now, lease, takeNext)
    },
    release(now: number, lease: Lease, wakeAt = 0): boolean {
      const head = executions.head(lease.lane)
      if (!lanes.letGo(now, lease, wakeAt)) return false
      if (head !== null) executions.rest(head, lease)
      return true
    }
  }
}
