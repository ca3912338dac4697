/** Time as the rooms see it: handed in, never read from a global, so that a test can move it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number
  /** A clock that never goes back, milliseconds from an arbitrary start. */
  monotonic(): number
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now()
}
