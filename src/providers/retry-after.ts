/**
 * How long a server asks to be left alone, ms, at most a day: `retry-after-ms` (OpenAI), or `Retry-After` in seconds or as a
 * date (RFC 9110, section 10.2.3). Undefined where it does not say.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const milliseconds = headers.get('retry-after-ms')
  const seconds = headers.get('retry-after')
  const wait =
    milliseconds !== null ? Number(milliseconds) : seconds === null ? Number.NaN : secondsOrDate(seconds, now)
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), day)
}

function secondsOrDate(value: string, now: number): number {
  const seconds = Number(value)
  return Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1_000
}

const day = 86_400_000
