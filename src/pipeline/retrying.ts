import { type Failure, failureRow } from '../frames/failure.ts'

const firstMs = 500
const capMs = 60_000
const maxTries = 5
const outageMs = 15 * 60_000
const sendingMs = 4 * 3_600_000
// A message that waited long in the queue still gets a fair chance.
const leastTries = 3

/**
 * When a failed step is tried again (ms), or null when its tries are spent (durability rule 2.3 (8)): exponential from half a
 * second with ± 50 %, at most a minute, and never sooner than the other side asked. `random` is one byte.
 */
export function retryAt(attempt: {
  failure: Failure
  tries: number
  now: number
  acceptedAt: number
  random: number
}): number | null {
  const { failure, tries, now, acceptedAt, random } = attempt
  const { retry } = failureRow(failure.code)
  if (retry === 'never' || (retry === 'tries' && tries >= maxTries)) return null
  const jitter = 0.5 + random / 255
  const backoff = Math.min(capMs, firstMs * 2 ** (tries - 1)) * jitter
  // Whole milliseconds, as the store keeps them.
  const at = Math.ceil(now + Math.max(backoff, failure.retryAfterMs ?? 0))
  if (retry === 'tries') return at
  const deadline = acceptedAt + (retry === 'outage' ? outageMs : sendingMs)
  return at <= deadline || (tries < leastTries && at - now <= capMs * 1.5) ? at : null
}
