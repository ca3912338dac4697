import type { Extras, Lease, Store } from '../store.ts'
import type { Executions } from './executions.ts'
import type { Journal, Page } from './journal.ts'
import type { Lanes } from './lanes.ts'
import type { Kept } from './queries.ts'

type Ended = { ended: boolean; next: Kept | null }
type End = Omit<Parameters<Store['finish']>[2], 'frames'>
type Parking = Omit<Parameters<Store['park']>[2], 'frames'>

/** What a worker does under a lease. Every change is refused once the lane or the execution carries another token. */
export function createWork(parts: { journal: Journal; executions: Executions; lanes: Lanes }) {
  const { journal, executions, lanes } = parts

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
      const arrival = executions.append({ id, lease, pages })
      if (arrival === null) return false
      journal.write(arrival, pages, extras)
      return true
    },
    finish(
      now: number,
      lease: Lease,
      id: string,
      pages: readonly Page[],
      { state, extras, takeNext, purgeAt }: End
    ): Ended {
      const arrival = executions.end({ id, lease, pages }, state, purgeAt)
      if (arrival === null) return refused
      journal.write(arrival, pages, extras)
      return goOn(now, lease, takeNext)
    },
    park(
      now: number,
      lease: Lease,
      id: string,
      pages: readonly Page[],
      { approval, timerAt, takeNext, extras }: Parking
    ): Ended {
      const arrival = executions.park({ id, lease, pages }, approval, timerAt)
      if (arrival === null) return refused
      journal.write(arrival, pages, extras)
      return goOn(now, lease, takeNext)
    },
    unclaim: (_now: number, id: string, n: number): void => executions.unclaim(id, n),
    release(now: number, lease: Lease, wakeAt = 0): boolean {
      const head = executions.head(lease.lane)
      if (!lanes.letGo(now, lease, wakeAt)) return false
      if (head !== null) executions.rest(head, lease)
      return true
    }
  }
}
