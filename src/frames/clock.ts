/** Time as the rooms see it: handed in, never read from a global, so that a test can move it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number
  /** A clock that never goes back, milliseconds from an arbitrary start. */
  monotonic(): number
}

/** A time (ms since the epoch) as ISO 8601 in UTC. Most are of the second in which the one before was asked for. */
export function isoTime(ms: number): string {
  const second = Math.floor(ms / 1_000)
  if (second !== lastSecond) {
    upToSecond = new Date(ms).toISOString().slice(0, -4)
    lastSecond = second
  }
  return `${upToSecond}${String(ms - second * 1_000).padStart(3, '0')}Z`
}

let lastSecond = Number.NaN
let upToSecond = ''

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now()
}
