import type { Clock } from '../../frames/clock.ts'

/** Instants by the server's clock, as expressions of an update or a filter: the clocks of the workers cannot break a lease. */
export interface ServerTime {
  readonly now: object | string
  /** So many ms from now. */
  after(ms: number): object
  /** An instant of our own clock (ms), which may be wrong, as one of the server's. */
  at(ms: number): object
}

/** `offsetMs` is added to the server's time: a test moves it. */
export function createServerTime(clock: Clock, offsetMs: () => number): ServerTime {
  const after = (ms: number) => ({ $add: ['$$NOW', offsetMs() + ms] })
  return {
    get now() {
      return offsetMs() === 0 ? '$$NOW' : after(0)
    },
    after,
    at: ms => after(ms - clock.now())
  }
}
