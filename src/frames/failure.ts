import type { Row } from './failure-row.ts'
import { failures } from './failures.ts'

export type FailureCode = keyof typeof failures

/** The sentence, status and retry rule of a code. */
export function failureRow(code: FailureCode): Row {
  return failures[code]
}

/** A failure of the closed table: what went wrong by code, when to try again (`retryAfterMs`), and `refused` where the other side said no before it did anything. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly retryAfterMs: number | undefined
  readonly refused: boolean

  constructor(code: FailureCode, options: { cause?: unknown; retryAfterMs?: number; refused?: boolean } = {}) {
    super(code, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Failure'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.refused = options.refused ?? false
  }
}

/** What was behind a failure: the class of an error of ours, or the status of an answer. Never a word that came from outside. */
export function causeOf({ cause }: Failure): string {
  if (cause instanceof Error) return cause.constructor.name
  if (typeof cause !== 'object' || cause === null) return 'none'
  const { status, code } = cause as { status?: unknown; code?: unknown }
  // Without a status nobody answered: then the code is a name that this machine gave.
  return typeof status === 'number' ? `status-${status}` : typeof code === 'string' ? code : 'none'
}
