import { framesOf } from './execution.ts'
import type { Frame } from './frame.ts'
import type { DataOf } from './kinds.ts'

/** Begins every question, and nothing else that a person is sent: it is taken out of whatever a model writes. */
export const questionMark = '🔐'

export type Request = Frame<'approval.requested'>
export type Decided = Frame<'approval.decided'>
export type Agreed = Frame<'approval.agreed'>

/** A question to a person as the frames tell it, with who agreed before and the answer where there is one. Its id is that of the first frame. */
export interface Question {
  readonly request: Request
  readonly agreed: readonly Agreed[]
  readonly decided: Decided | undefined
}

/** Every question of an execution, in order. */
export function questionsIn(frames: readonly Frame[]): Question[] {
  const agreements = framesOf(frames, 'approval.agreed')
  const decisions = framesOf(frames, 'approval.decided')
  return framesOf(frames, 'approval.requested').map(request => ({
    request,
    agreed: agreements.filter(({ data }) => data.approval === request.id),
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

/** The question that was put by a message, by the id that the message was given. */
export function questionPutBy(frames: readonly Frame[], message: string): Question | undefined {
  const posted = framesOf(frames, 'prompt.posted').find(({ data }) => data.message === message)
  return questionsIn(frames).find(({ request }) => request.id === posted?.data.approval)
}

/** Whether a question needs two people: its person and the operator. */
export function needsTwo({ data }: Request): boolean {
  return data.binding.class === 'H'
}

/** What was approved of a call, by everybody who has to: null where anybody's word is missing (safety rule 3.5). */
export function approvedBinding(
  frames: readonly Frame[],
  call: string
): DataOf<'approval.requested'>['binding'] | null {
  const question = questionAbout(frames, call)
  if (question?.decided?.data.state !== 'approved') return null
  const { request, agreed, decided } = question
  const said = new Set([...agreed.filter(({ n }) => n < decided.n).map(({ data }) => data.by), decided.data.by])
  const isWhole = !needsTwo(request) || (said.has('principal') && said.has('operator'))
  return isWhole ? request.data.binding : null
}
