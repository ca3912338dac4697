import { framesOf } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'

/** A frame that is written before an effect. */
export type Started = Frame<'tool.started'> | Frame<'reply.started'> | Frame<'prompt.started'>

/** The effect that a frame has the first, or a later, word on; undefined for a frame that settles none. */
export function settledBy(frame: Frame, frames: readonly Frame[]): Started | undefined {
  switch (frame.kind) {
    case 'tool.finished':
    case 'reply.part-sent':
    case 'prompt.posted':
      return startedIn(frames).find(({ id }) => id === frame.parent)
    case 'outcome.unknown':
    case 'work.failed':
      return startedIn(frames).find(({ n }) => n === frame.data.from)
    // A part is sent again only once it is known that it was not taken.
    case 'reply.started':
      return framesOf(frames, 'reply.started').findLast(
        ({ n, data }) => n < frame.n && data.part === frame.data.part && data.attempt === frame.data.attempt - 1
      )
    // So is a question.
    case 'prompt.started':
      return framesOf(frames, 'prompt.started').findLast(
        ({ n, data }) => n < frame.n && data.approval === frame.data.approval && data.attempt === frame.data.attempt - 1
      )
    default:
      return undefined
  }
}

function startedIn(frames: readonly Frame[]): Started[] {
  return frames.filter(
    frame => frame.kind === 'tool.started' || frame.kind === 'reply.started' || frame.kind === 'prompt.started'
  )
}
