import type { DataOf } from '../../frames/kinds.ts'
import type { Outcome } from '../../inbox/questions.ts'

/** What a message came to that might answer a question. */
export type Verdict = DataOf<'evidence.judged'>

/** What an answer came to, as the verdict on the message that it rests on; an earlier answer that rests on the same message is its own. */
export function verdictOf(outcome: Outcome, evidence: string, approval: string): Verdict {
  const approvals = [approval]
  if (outcome.came === 'agreed') return { verdict: 'agreed', reason: 'agreed-first', approvals }
  if (outcome.came === 'agreed-before') return { verdict: 'refused', reason: 'agreed-before', approvals }
  const isMine = 'answer' in outcome && outcome.answer.evidence === evidence
  if (!isMine) return { verdict: 'refused', reason: 'decided-already', approvals }
  return { ...restingOn(outcome.answer), approvals }
}

/** How an answer of a person is told of the message that it rests on. */
export function restingOn({
  state,
  how
}: Pick<DataOf<'approval.decided'>, 'state' | 'how'>): Omit<Verdict, 'approvals'> {
  if (state === 'approved') return { verdict: 'approved', reason: how === 'button' ? 'button-fits' : 'code-fits' }
  if (how === 'tries') return { verdict: 'refused', reason: 'too-many-tries' }
  return { verdict: 'denied', reason: how === 'button' ? 'button-refuses' : 'clear-no' }
}
