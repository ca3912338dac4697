import type { State } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'

// What every adapter does alike, beyond what the port says.

/** How long a change may wait for its answer, ms: the webhook behind it must be answered within five seconds. */
export const deadlineMs = 4_500

/** The ends that an operator's retry may leave. */
export const reopenable: ReadonlySet<State> = new Set<State>(['dead', 'unknown', 'cancelled', 'refused'])

/** Work that waits longer than this is looked at by the sweep: is its lane rung? A ring comes within moments of its message. */
export const forgottenAfterMs = 5_000

/** The most audit records that one pass of the sweeper deletes (of a tenant): an execution leaves several. */
export const auditPerPass = 5_000

/** How many executions stand beside each conversation of the list. */
export const shownExecutions = 20

/** A refusal of the store, by a reason of ours. */
export function unavailable(reason: string): Failure {
  return new Failure('STORE_UNAVAILABLE', { cause: new Error(reason) })
}
