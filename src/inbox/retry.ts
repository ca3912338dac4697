import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import { type Execution, lastOf, type State, sinceRetry } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import { type Draft, type Frame, makeFrame, noTail, type Tail } from '../frames/frame.ts'
import type { AuditOf } from '../store/audit.ts'
import type { Store } from '../store/store.ts'

/**
 * Sends an execution that ended badly back to work at the frame where it failed. One whose outcome is unknown needs the operator's
 * word on what happened. Throws NOT_FOUND, NOT_RETRYABLE (also when it was retried at the same time), EFFECT_UNDECIDED.
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
  const from = restartAt(frames)
  if (!['dead', 'unknown', 'cancelled'].includes(state) || from === null) throw new Failure('NOT_RETRYABLE')
  if (state === 'unknown' && effect === undefined) throw new Failure('EFFECT_UNDECIDED')
  return {
    kind: 'work.retried',
    data: { from, ...(state === 'unknown' && effect !== undefined ? { effect } : {}) },
    parent: frames[from - 1]?.id ?? null,
    provenance: { origin: 'operator', integrity: 'operator', confidentiality: 'tenant', ref: null }
  }
}

function tailOf({ frames }: Execution): Tail {
  return frames.at(-1) ?? noTail
}

function restartAt(frames: readonly Frame[]): number | null {
  const run = sinceRetry(frames)
  return (lastOf(run, 'outcome.unknown') ?? lastOf(run, 'work.failed'))?.data.from ?? null
}
