import type { Clock } from '../frames/clock.ts'
import type { Observe } from '../frames/event.ts'
import { type FailureCode, failureRow } from '../frames/failure.ts'
import { failures } from '../frames/failures.ts'

const minuteMs = 60_000

/** How many webhooks were refused for a reason in a minute, which is named by its beginning (ISO 8601). */
export interface RefusalCount {
  readonly minute: string
  readonly reason: FailureCode
  readonly count: number
}

/** Counts refused webhooks in memory, by reason and minute: a forger must not make us write. */
export interface RefusalCounts {
  readonly observe: Observe
  /** Takes out what was counted: of the minutes that are over, or all. */
  take(which: 'over' | 'all'): RefusalCount[]
  /** Puts back what could not be told. */
  putBack(counts: readonly RefusalCount[]): void
}

/** Makes an observer that counts. What we could not answer is no refusal, and is not counted. */
export function createRefusalCounts(clock: Clock): RefusalCounts {
  const counts = new Map<string, RefusalCount>()
  const minuteAt = (ms: number) => new Date(ms - (ms % minuteMs)).toISOString()

  function add({ minute, reason, count }: RefusalCount): void {
    const key = `${minute} ${reason}`
    counts.set(key, { minute, reason, count: count + (counts.get(key)?.count ?? 0) })
  }

  return {
    observe(event, fields) {
      if (event !== 'webhook.refused' || !('reason' in fields)) return
      const { reason } = fields
      if (isRefusal(reason)) add({ minute: minuteAt(clock.now()), reason, count: 1 })
    },
    take(which) {
      const now = minuteAt(clock.now())
      const taken = [...counts].filter(([, { minute }]) => which === 'all' || minute !== now)
      for (const [key] of taken) counts.delete(key)
      return taken.map(([, count]) => count)
    },
    putBack(back) {
      for (const each of back) add(each)
    }
  }
}

function isRefusal(reason: string): reason is FailureCode {
  return Object.hasOwn(failures, reason) && failureRow(reason as FailureCode).status < 500
}
