import type { FailureCode } from '../frames/failure.ts'
import { Failure } from '../frames/failure.ts'
import { retryAfterMs } from './retry-after.ts'

/** What a provider is called for. */
export type Use = 'transcribe' | 'respond'

/**
 * Sorts what the SDK throws by status and code (OpenAI's "Error codes" page), never by its text. Of the error only status, code
 * and type go along as the cause: its message, headers and body may hold a person's words.
 */
export function toFailure(error: unknown, use: Use, now: number): Failure {
  if (error instanceof Failure) return error
  if (error instanceof SyntaxError) return new Failure('PROVIDER_GARBLED', { cause: { code: 'NOT_JSON' } })
  if (!isApiError(error))
    return new Failure('WORK_BROKEN', { cause: { type: error instanceof Error ? error.name : '' } })
  if (error.status === undefined) return connectionFailure(error)
  const cause = { status: error.status, code: token(error.code), type: token(error.type) }
  const code = failureCode(error.status, cause.code, cause.type, use)
  const wait = error.headers === undefined ? undefined : retryAfterMs(error.headers, now)
  return new Failure(
    code,
    code === 'PROVIDER_UNAVAILABLE' && wait !== undefined ? { cause, retryAfterMs: wait } : { cause }
  )
}

/** The failure that a code of OpenAI's stands for, wherever it turns up. */
export function failureOfCode(code: string | null): FailureCode | undefined {
  return code === null ? undefined : byCode.get(code)
}

const byCode: ReadonlyMap<string, FailureCode> = new Map([
  ['insufficient_quota', 'PROVIDER_REFUSED'],
  ['billing_hard_limit_reached', 'PROVIDER_REFUSED'],
  ['model_not_found', 'PROVIDER_REFUSED'],
  ['content_filter', 'PROVIDER_CONTENT_REFUSED'],
  ['content_policy_violation', 'PROVIDER_CONTENT_REFUSED'],
  ['invalid_prompt', 'PROVIDER_CONTENT_REFUSED'],
  ['context_length_exceeded', 'AGENT_TOO_BIG'],
  ['rate_limit_exceeded', 'PROVIDER_UNAVAILABLE'],
  ['server_error', 'PROVIDER_UNAVAILABLE']
])

function failureCode(status: number, code: string | null, type: string | null, use: Use): FailureCode {
  if (status >= 500) return 'PROVIDER_UNAVAILABLE'
  const told = failureOfCode(code) ?? failureOfCode(type)
  if (told !== undefined) return told
  if (status === 408 || status === 409 || status === 429) return 'PROVIDER_UNAVAILABLE'
  if (status === 413) return use === 'transcribe' ? 'AUDIO_TOO_LARGE' : 'AGENT_TOO_BIG'
  if (use === 'transcribe' && (status === 400 || status === 415 || status === 422)) return 'SPEECH_UNREADABLE'
  return 'PROVIDER_REFUSED'
}

function connectionFailure(error: ApiError): Failure {
  const code = token((error.cause as { code?: unknown } | undefined)?.code)
  const tooLong = code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE'
  return new Failure(tooLong ? 'PROVIDER_GARBLED' : 'PROVIDER_UNAVAILABLE', { cause: { code } })
}

type ApiError = Error & { status: number | undefined; headers: Headers | undefined; code: unknown; type: unknown }

/** Known by its shape, so that the SDK need not be loaded to ask. */
function isApiError(error: unknown): error is ApiError {
  return error instanceof Error && 'status' in error && 'headers' in error
}

/** Codes and types are short names; anything else a server puts there could be anybody's words. */
function token(value: unknown): string | null {
  return typeof value === 'string' && /^[\w.-]{1,60}$/.test(value) ? value : null
}
