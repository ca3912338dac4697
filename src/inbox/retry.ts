import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import { type Execution, lastOf, newest, type State, sinceRetry } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import { type Draft, type Frame, makeFrame } from '../frames/frame.ts'
import { noTail, type Tail } from '../frames/tail.ts'
import type { AuditOf } from '../store/audit.ts'
import type { Store } from '../store/store.ts'

/**
 * Sends an execution that ended badly back to work at the frame where it failed, or, where it only came back from a backup, at the
 * newest one. An effect that may have happened needs the operator's word. Throws NOT_FOUND, NOT_RETRYABLE (also when it was retried
 * at the same time), EFFECT_UNDECIDED.
 */
export async function retryExecution(
  parts: { store: Store; clock: Clock; entropy: Entropy; auditOf: AuditOf },
  id: string,
  effect?: 'happened' | 'did not happen'
): Promise<State> {
  while (true) {
    const execution = await parts.store.read(id)
    if (execution === null) throw new Failure('NOT_FOUND')
    // A status callback that came between is no reason to refuse: the look is taken again.
    const frame = makeFrame(id, tailOf(execution), draftOf(execution, effect), parts)
    if (await parts.store.reopen(id, frame, parts.auditOf(execution, [frame]).outcomes)) return 'queued'
  }
}

function draftOf({ state, frames }: Execution, effect?: 'happened' | 'did not happen'): Draft<'work.retried'> {
  const restart = restartAt(state, frames)
  if (!['dead', 'unknown', 'cancelled'].includes(state) || restart === undefined) throw new Failure('NOT_RETRYABLE')
  const isUndecided =
    state === 'unknown' &&
    (restart.kind === 'tool.started' || lastOf(sinceRetry(frames), 'outcome.unknown') !== undefined)
  if (isUndecided && effect === undefined) throw new Failure('EFFECT_UNDECIDED')
  return {
    kind: 'work.retried',
    data: { from: restart.n, ...(isUndecided && effect !== undefined ? { effect } : {}) },
    parent: restart.id,
    provenance: { origin: 'operator', integrity: 'operator', confidentiality: 'tenant', ref: null }
  }
}

function tailOf({ frames }: Execution): Tail {
  return frames.at(-1) ?? noTail
}

/** The frame where it failed. One that is unknown without a failure was at work when its backup was made: the frame it had come to. */
function restartAt(state: State, frames: readonly Frame[]): Frame | undefined {
  const run = sinceRetry(frames)
  const failure = lastOf(run, 'outcome.unknown') ?? lastOf(run, 'work.failed')
  if (failure !== undefined) return frames[failure.data.from - 1]
  return state === 'unknown' ? newest(frames) : undefined
}
