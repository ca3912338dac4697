import { framesOf, lastOf, newest, type State, sinceRetry } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'

/** The state in which an execution rests, read from its frames alone: what was told last stays. */
export function endState(frames: readonly Frame[]): State {
  if (newest(frames)?.kind === 'prompt.posted') return 'parked'
  if (framesOf(frames, 'message.refused').length > 0) return 'refused'
  const run = sinceRetry(frames)
  if (framesOf(run, 'budget.exceeded').length > 0) return 'refused'
  const failed = lastOf(run, 'work.failed')
  if (failed?.data.code === 'SEND_OPTED_OUT') return 'cancelled'
  if (framesOf(run, 'outcome.unknown').length > 0) return 'unknown'
  return failed === undefined ? 'done' : 'dead'
}
