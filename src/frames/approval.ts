import { framesOf } from './execution.ts'
import type { Frame } from './frame.ts'

/** Begins every question, and nothing else that a person is sent: it is taken out of whatever a model writes. */
export const questionMark = '🔐'

export type Request = Frame<'approval.requested'>
export type Decided = Frame<'approval.decided'>

/** A question to a person as the frames tell it, with the answer where there is one. Its id is that of the first frame. */
export interface Question {
  readonly request: Request
  readonly decided: Decided | undefined
}

/** Every question of an execution, in order. */
export function questionsIn(frames: readonly Frame[]): Question[] {
  const decisions = framesOf(frames, 'approval.decided')
  return framesOf(frames, 'approval.requested').map(request => ({
    request,
    decided: decisions.find(({ data }) => data.approval === request.id)
  }))
}

/** The question that waits for its answer, also where it is still on its way to the person; at most one of an execution does. */
export function openQuestion(frames: readonly Frame[]): Request | undefined {
  const last = questionsIn(frames).at(-1)
  return last?.decided === undefined ? last?.request : undefined
}

/** The newest question about a call. */
export function questionAbout(frames: readonly Frame[], call: string): Question | undefined {
  return questionsIn(frames).findLast(({ request }) => request.data.binding.call === call)
}
