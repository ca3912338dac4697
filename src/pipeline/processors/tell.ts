import { withHeard } from '../../agent/answer.ts'
import { received } from '../../frames/execution.ts'
import type { FailureCode } from '../../frames/failure.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Route } from '../pipeline.ts'
import { sentence } from '../sentences.ts'

type Split = (frames: readonly Frame[], text: string) => string[]

/** Tells the person how it ended when it did not end with an answer: one fixed sentence. A failure to send cannot be told. */
export function createTell(split: Split): Route {
  return (frames, frame) => {
    if (frame.kind === 'work.failed' && frame.data.step === 'send-part') return 'rest'
    if (frame.kind === 'message.refused' && !frame.data.tell) return 'rest'
    if (frame.kind === 'budget.exceeded' && !frame.data.tell) return 'rest'
    if (frame.kind === 'command.received' && frame.data.answered) return 'rest'
    return fixedReply(frames, frame, codeOf(frame), split)
  }
}

function codeOf(frame: Frame): Parameters<typeof sentence>[0] {
  if (frame.kind === 'message.refused') return `REFUSED_${frame.data.reason}`
  if (frame.kind === 'budget.exceeded') return `BUDGET_${frame.data.budget}`
  if (frame.kind === 'command.received') return `COMMAND_${frame.data.command}`
  if (frame.kind === 'evidence.judged') return `EVIDENCE_${frame.data.reason}`
  if (frame.kind === 'work.failed') return frame.data.code as FailureCode
  return 'OUTCOME_UNKNOWN'
}

function fixedReply(
  frames: readonly Frame[],
  frame: Frame,
  code: Parameters<typeof sentence>[0],
  split: Split
): Draft<'reply.drafted'> {
  return {
    kind: 'reply.drafted',
    data: { parts: split(frames, withHeard(frames, sentence(code))), sentence: code, turn: null },
    parent: frame.id,
    provenance: { ...deriveProvenance('sentences', frame.id, [received(frames).provenance]), integrity: 'system' }
  }
}
