import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import { lastOf, type State, sinceRetry } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import { type Frame, makeFrame, noTail } from '../frames/frame.ts'
import type { Store } from '../store/store.ts'

/**
 * Sends an execution that ended badly back to work at the frame where it failed. One whose outcome is unknown needs the operator's
 * word on what happened. Throws NOT_FOUND, NOT_RETRYABLE (also when it was retried at the same time), EFFECT_UNDECIDED.
 */
export async function retryExecution(
  { store, clock, entropy }: { store: Store; clock: Clock; entropy: Entropy },
  id: string,
  effect?: 'happened' | 'did not happen'
): Promise<State> {
  const execution = await store.read(id)
  if (execution === null) throw new Failure('NOT_FOUND')
  const from = restartAt(execution.frames)
  if (!['dead', 'unknown', 'cancelled'].includes(execution.state) || from === null) throw new Failure('NOT_RETRYABLE')
  if (execution.state === 'unknown' && effect === undefined) throw new Failure('EFFECT_UNDECIDED')
  const ruling = execution.state === 'unknown' && effect !== undefined ? { effect } : {}
  const frame = makeFrame(
    id,
    execution.frames.at(-1) ?? noTail,
    {
      kind: 'work.retried',
      data: { from, ...ruling },
      parent: execution.frames[from - 1]?.id ?? null,
      provenance: { origin: 'operator', integrity: 'operator', confidentiality: 'tenant', ref: null }
    },
    { clock, entropy }
  )
  if (!(await store.reopen(id, frame as Frame))) throw new Failure('NOT_RETRYABLE')
  return 'queued'
}

function restartAt(frames: readonly Frame[]): number | null {
  const run = sinceRetry(frames)
  return (lastOf(run, 'outcome.unknown') ?? lastOf(run, 'work.failed'))?.data.from ?? null
}
