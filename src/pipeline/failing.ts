import type { Execution } from '../frames/execution.ts'
import { framesOf, newest, sinceRetry } from '../frames/execution.ts'
import { causeOf, Failure, failureRow } from '../frames/failure.ts'
import type { Draft, Frame } from '../frames/frame.ts'
import { deriveProvenance } from '../frames/provenance.ts'
import { type Holder, LeaseLost } from '../inbox/lease.ts'
import type { Engine } from './engine.ts'
import { Later, type Product, type Work } from './processor.ts'
import { retryAt } from './retrying.ts'

const maxClaims = 5
const staleMs = 6 * 3_600_000
const patienceMs = 60_000

/** Where a failure happened: the step, and the frame it was taken for. */
export type Place = { readonly step: string; readonly frame: Frame | undefined }

/** Refuses to begin what should not be begun: a message that keeps killing the process, or one that is hours old. */
export function giveUp(engine: Engine, execution: Execution): Product | null {
  const frame = newest(execution.frames)
  if (frame === undefined || frame.kind === 'reply.sent') return null
  if (execution.claims > maxClaims) {
    // Where even the apology kills the process, nothing more is said.
    const apologising = framesOf(sinceRetry(execution.frames), 'work.failed').length > 0
    const failure = new Failure('WORK_KILLS_THE_PROCESS')
    return failed(engine, execution, frame, apologising ? 'send-part' : 'claim', failure, execution.claims - 1)
  }
  const isWork =
    !frame.kind.startsWith('reply.') && !['work.failed', 'message.refused', 'budget.exceeded'].includes(frame.kind)
  if (!isWork || engine.clock.now() - acceptedAt(execution) <= staleMs) return null
  return failed(engine, execution, frame, 'claim', new Failure('WORK_STALE'), 0)
}

/**
 * Decides what comes of a step that threw. A failure worth another try becomes a note and the lane waits (Later is thrown);
 * a final one becomes `work.failed`. A lost lease, an ending process and a store that cannot be reached are thrown on.
 */
export async function meetFailure(
  engine: Engine,
  holder: Holder,
  { step, frame }: Place,
  signal: AbortSignal,
  error: unknown
): Promise<Product> {
  if (error instanceof Later || error instanceof LeaseLost || signal.aborted || frame === undefined) throw error
  const failure = error instanceof Failure ? error : new Failure('WORK_BROKEN', { cause: error })
  if (failure.code === 'STORE_UNAVAILABLE') throw failure
  const { execution } = holder
  const tries = 1 + framesOf(sinceRetry(execution.frames), 'attempt.failed').filter(n => n.data.from === frame.n).length
  const now = engine.clock.now()
  const again = retryAt({
    failure,
    tries,
    now,
    acceptedAt: acceptedAt(execution),
    random: engine.entropy.bytes(1)[0] ?? 0
  })
  if (again === null) return failed(engine, execution, frame, step, failure, tries)
  const note: Draft<'attempt.failed'> = {
    kind: 'attempt.failed',
    data: {
      code: failure.code,
      step,
      from: frame.n,
      retryAt: new Date(again).toISOString(),
      refused: failure.refused
    },
    parent: frame.id,
    provenance: deriveProvenance('worker', frame.id, [frame.provenance])
  }
  await holder.append([holder.make(note, [])])
  const told = { execution: execution.id, step, code: failure.code, cause: causeOf(failure) }
  engine.observe('attempt.failed', { ...told, tries, retryInMs: again - now })
  await announceDelay(engine, holder, failure, { execution, frame, signal })
  throw new Later(again)
}

/** Tells the person once, after a minute of outage, that it takes longer. The note goes first: better untold than told twice. */
async function announceDelay(engine: Engine, holder: Holder, failure: Failure, work: Work): Promise<void> {
  const { execution } = holder
  const waited = engine.clock.now() - acceptedAt(execution)
  if (failureRow(failure.code).retry !== 'outage' || waited < patienceMs) return
  if (framesOf(execution.frames, 'delay.announced').length > 0 || !(await holder.isFresh())) return
  const provenance = deriveProvenance('worker', work.frame.id, [work.frame.provenance])
  const note = holder.make(
    { kind: 'delay.announced', data: { code: failure.code }, parent: work.frame.id, provenance },
    []
  )
  await holder.append([note], { refs: [note.id] })
  await tell(engine, holder, { execution: holder.execution, frame: note, signal: work.signal }).catch(() => undefined)
}

async function tell({ announceDelay }: Engine, holder: Holder, work: Work): Promise<void> {
  await announceDelay.prepare?.(work)
  if (await holder.isFresh()) await announceDelay.run(work)
}

function failed(
  engine: Engine,
  execution: Execution,
  frame: Frame,
  step: string,
  failure: Failure,
  tries: number
): Product {
  const { code } = failure
  engine.observe('work.failed', { execution: execution.id, step, code, cause: causeOf(failure) })
  if (failureRow(code).alert === true) engine.observe('alert', { code, execution: execution.id })
  return {
    draft: {
      kind: 'work.failed',
      data: { code, step, from: frame.n, tries },
      parent: frame.id,
      provenance: deriveProvenance('worker', frame.id, [frame.provenance])
    }
  }
}

/** When it came, or was last sent back to work: waiting for a person makes no work stale. */
function acceptedAt(execution: Execution): number {
  const resumed = execution.frames.findLast(({ kind }) => kind === 'work.retried' || kind === 'approval.decided')
  return Date.parse(resumed?.at ?? execution.at)
}
