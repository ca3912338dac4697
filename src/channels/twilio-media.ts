import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, errors } from 'undici'
import type { Clock } from '../frames/clock.ts'
import { startDeadline } from '../frames/deadline.ts'
import { type Answer, exchange } from '../frames/exchange.ts'
import { Failure } from '../frames/failure.ts'
import { publicLookup } from './public-lookup.ts'
import { readRetryAfter } from './retry-after.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { reduceError } from './twilio-errors.ts'

/** The largest attachment that is read, bytes: WhatsApp's own limit. */
export const maxBytes = 16 * 1024 * 1024
const maxHops = 3
const connectMs = 5_000

/** Downloads `path` of the API, following Twilio's redirects. Throws AUDIO_EMPTY, _TOO_LARGE, _NOT_FOUND, _UNAVAILABLE and _HOST_REFUSED. */
export type Download = (path: string, signal: AbortSignal) => Promise<Uint8Array>

/**
 * Makes the one way in which media is fetched (rules R17 to R19). Credentials go with the first request only, to the API's own
 * origin; a redirect may lead back there or to Twilio's CDN at a public address, and nowhere else. Having its own agents, it
 * honours no proxy of the environment.
 */
export function createDownload(options: {
  apiUrl: string
  rest: TwilioAccount['rest']
  clock: Clock
  deadlineMs?: number
  lookup?: LookupFunction
}): Download {
  const { apiUrl, rest, clock, deadlineMs = 30_000, lookup = systemLookup as LookupFunction } = options
  const api = new Agent({ connect: { timeout: connectMs } })
  const cdn = new Agent({ connect: { timeout: connectMs, lookup: publicLookup(lookup) } })
  const authorization = `Basic ${Buffer.from(`${rest.user}:${rest.password}`).toString('base64')}`

  async function follow(start: URL, signal: AbortSignal): Promise<Uint8Array> {
    let url = start
    for (let hop = 1; hop <= maxHops; hop++) {
      const asked = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'GET',
        headers: hop === 1 ? { authorization } : {}
      } as const
      const answer = await exchange(url.origin === apiUrl ? api : cdn, asked, { maxBytes, signal })
      const { location } = answer.headers
      if (!isRedirect(answer.status) || typeof location !== 'string') return read(answer, clock.now())
      url = nextHop(location, url, apiUrl)
    }
    throw new Failure('AUDIO_UNAVAILABLE', { cause: { code: 'TOO_MANY_REDIRECTS' } })
  }

  return async (path, signal) => {
    const deadline = startDeadline(signal, deadlineMs)
    try {
      return await follow(new URL(path, apiUrl), deadline.signal)
    } catch (error) {
      if (error instanceof Failure) throw error
      if (error instanceof errors.ResponseExceededMaxSizeError) throw new Failure('AUDIO_TOO_LARGE')
      throw new Failure('AUDIO_UNAVAILABLE', { cause: reduceError(error) })
    } finally {
      deadline.clear()
    }
  }
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

function nextHop(location: string, from: URL, apiUrl: string): URL {
  const url = URL.parse(location, from.href)
  const toCdn = url?.protocol === 'https:' && url.port === '' && url.hostname.endsWith('.twiliocdn.com')
  const clean = url?.username === '' && url.password === ''
  if (url === null || !clean || !(toCdn || url.origin === apiUrl)) {
    throw new Failure('AUDIO_HOST_REFUSED', { cause: { code: 'REDIRECT_REFUSED' } })
  }
  return url
}

function read({ status, headers, body }: Answer, now: number): Uint8Array {
  if (status === 404 || status === 410) throw new Failure('AUDIO_NOT_FOUND')
  if (status === 401 || status === 403) throw new Failure('AUDIO_ACCESS_REFUSED', { cause: { status, code: null } })
  if (status !== 200) {
    const retryAfterMs = readRetryAfter(headers['retry-after'], now)
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
    throw new Failure('AUDIO_UNAVAILABLE', { cause: { status, code: null }, ...wait })
  }
  if (body.length === 0) throw new Failure('AUDIO_EMPTY')
  return body
}
