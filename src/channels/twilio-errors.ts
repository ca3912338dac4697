import { Failure, type FailureCode } from '../frames/failure.ts'

/** All that is kept of an error from outside: the SDK's and undici's own may hold the message, the number or the key. */
export interface ReducedError {
  readonly status: number | null
  readonly code: number | string | null
}

/** Twilio's error dictionary (docs/api/errors) as far as it says more than "refused". */
const byCode: ReadonlyMap<number, FailureCode> = new Map<number, FailureCode>([
  [21610, 'SEND_OPTED_OUT'],
  [21211, 'SEND_UNDELIVERABLE'],
  [21614, 'SEND_UNDELIVERABLE'],
  [21612, 'SEND_UNDELIVERABLE'],
  [21408, 'SEND_UNDELIVERABLE'],
  [63024, 'SEND_UNDELIVERABLE'],
  [30003, 'SEND_UNDELIVERABLE'],
  [30004, 'SEND_UNDELIVERABLE'],
  [30005, 'SEND_UNDELIVERABLE'],
  [30006, 'SEND_UNDELIVERABLE'],
  [63016, 'SEND_WINDOW_CLOSED'],
  [20429, 'SEND_UNAVAILABLE'],
  [63018, 'SEND_UNAVAILABLE'],
  [30001, 'SEND_UNAVAILABLE'],
  [30008, 'SEND_UNAVAILABLE']
])

/**
 * The failure for an answer that is not 2xx. A 4xx is a no before anything was done; after a 408, a 5xx or a redirect nobody
 * knows, and the send must be looked for before it is repeated.
 */
export function sendFailure(status: number, code: number | null, retryAfterMs: number | undefined): Failure {
  const cause: ReducedError = { status, code }
  if (status < 400 || status === 408 || status >= 500) return unknownSend(cause, retryAfterMs)
  const failure = byCode.get(code ?? 0) ?? (status === 429 ? 'SEND_UNAVAILABLE' : 'SEND_REFUSED')
  return new Failure(failure, { cause, refused: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}

/** The failure for a send that may have been taken: no answer, or one that makes no sense. */
export function unknownSend(cause: ReducedError, retryAfterMs?: number): Failure {
  return new Failure('SEND_UNAVAILABLE', { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}

/** Keeps the code or the name of an error, and nothing that it says. */
export function reduceError(error: unknown): ReducedError {
  if (!(error instanceof Error)) return { status: null, code: null }
  return { status: null, code: 'code' in error && typeof error.code === 'string' ? error.code : error.name }
}
