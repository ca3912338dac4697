import { withHeard } from '../../agent/answer.ts'
import { lastOf, received } from '../../frames/execution.ts'
import type { FailureCode } from '../../frames/failure.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Egress } from '../../policy/egress.ts'
import type { Route } from '../pipeline.ts'
import { sentence } from '../sentences.ts'

type Split = (frames: readonly Frame[], text: string) => string[]

/** Tells the person how it ended when it did not end with an answer: one fixed sentence. A failure to send cannot be told, unless it was our own. */
export function createTell(split: Split, egress: Pick<Egress, 'holdsSecret'>): Route {
  const textOf = (frames: readonly Frame[], told: string) => {
    const whole = withHeard(frames, told)
    return egress.holdsSecret(whole) ? told : whole
  }
  return (frames, frame) => {
    if (frame.kind === 'work.failed' && frame.data.step === 'send-part' && !isWithheld(frames, frame)) return 'rest'
    if (frame.kind === 'message.refused' && !frame.data.tell) return 'rest'
    if (frame.kind === 'budget.exceeded' && !frame.data.tell) return 'rest'
    if (frame.kind === 'command.received' && frame.data.answered) return 'rest'
    const code = codeOf(frame)
    return fixedReply(frames, frame, code, split(frames, textOf(frames, sentence(code))))
  }
}

/** A reply that was stopped at the door, and not yet the sentence that says so. */
function isWithheld(frames: readonly Frame[], frame: Frame<'work.failed'>): boolean {
  const code = 'SECRET_WITHHELD' satisfies FailureCode
  return frame.data.code === code && lastOf(frames, 'reply.drafted')?.data.sentence !== code
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
  parts: string[]
): Draft<'reply.drafted'> {
  return {
    kind: 'reply.drafted',
    data: { parts, sentence: code, turn: null },
    parent: frame.id,
    provenance: { ...deriveProvenance('sentences', frame.id, [received(frames).provenance]), integrity: 'system' }
  }
}
