import type { Execution } from '../../frames/execution.ts'
import type { Claim, Extras, Lease, Store } from '../store.ts'
import type { Executions, Standing } from './executions.ts'
import { follow, type Journal, type Page } from './journal.ts'
import type { Lanes } from './lanes.ts'

type Ended = { ended: boolean; next: Execution | null }
type End = Parameters<Store['finish']>[2]
type Parking = Parameters<Store['park']>[2]

/** What a worker does under a lease. Every change is refused once the lane or the execution carries another token. Run inside `write`. */
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
  function goOn(lease: Lease, takeNext: boolean): Ended {
    const head = executions.head(lease.lane)
    if (takeNext && head !== null) return { ended: true, next: executions.run(head, lease) }
    lanes.letGo(lease, head === null ? null : 0)
    return { ended: true, next: null }
  }

  const refused: Ended = { ended: false, next: null }

  return {
    claim(options: Parameters<Store['claim']>[0]): Claim | null {
      for (;;) {
        const lease = lanes.take(options)
        if (lease === null) return null
        const head = executions.head(lease.lane)
        if (head !== null) return { lease, execution: executions.run(head, lease) }
        lanes.letGo(lease, null)
      }
    },
    append(lease: Lease, id: string, pages: readonly Page[], extras?: Extras): boolean {
      const held = extend(lease, id, pages, extras)
      if (held === null) return false
      executions.resetClaims(held.arrival)
      return true
    },
    finish(lease: Lease, id: string, pages: readonly Page[], { state, extras, takeNext, purgeAt }: End): Ended {
      const held = extend(lease, id, pages, extras)
      if (held === null) return refused
      executions.end(held.arrival, state, purgeAt)
      return goOn(lease, takeNext)
    },
    park(lease: Lease, id: string, pages: readonly Page[], { approval, timerAt, takeNext }: Parking): Ended {
      const held = extend(lease, id, pages)
      if (held === null) return refused
      executions.park(held.arrival, approval, timerAt)
      return goOn(lease, takeNext)
    },
    release(lease: Lease, wakeAt = 0): boolean {
      const head = executions.head(lease.lane)
      if (!lanes.letGo(lease, wakeAt)) return false
      if (head !== null) executions.rest(head, lease)
      return true
    }
  }
}
