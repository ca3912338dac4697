import { framesOf } from '../../frames/execution.ts'
import type { Frame } from '../../frames/frame.ts'
import type { DataOf } from '../../frames/kinds.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Spending } from '../../policy/budgets.ts'
import type { Tool } from '../../tools/tool.ts'
import type { Product, Work } from '../processor.ts'

/** Ends the work on a message whose person has used up a budget. Who had something done for it already is always told. */
export async function overBudget(
  spending: Spending,
  { execution, frame }: Work,
  budget: DataOf<'budget.exceeded'>['budget']
): Promise<Product> {
  const isFirst = await spending.tells({ execution, what: 'told' })
  const tell = isFirst || framesOf(execution.frames, 'tool.started').length > 0
  const provenance = deriveProvenance('budgets', frame.id, [frame.provenance])
  return { draft: { kind: 'budget.exceeded', data: { budget, tell }, parent: frame.id, provenance } }
}

/** Takes a started call from the budgets of its person, once however often it is met; answers why it is refused, or null. */
export async function callOverBudget(
  spending: Spending,
  { execution, frame }: Work,
  tool: Pick<Tool, 'isOutward'> | undefined
): Promise<{ readonly code: string; readonly result: string } | null> {
  const { call } = (frame as Frame<'tool.started'>).data
  const use = { execution, what: `call-${call}` }
  const isSend = tool?.isOutward === true
  if (isSend && !(await spending.reserve('sendsPerDay', use, 1))) return noMoreSends
  if (await spending.reserve('callsPerHour', use, 1)) return null
  if (isSend) spending.settle('sendsPerDay', use, 0)
  return noMoreCalls
}

const noMoreSends = {
  code: 'BUDGET_SENDS',
  result: 'The person has used up the messages to others of this day: it was not sent. Say so, and do not try again.'
}

const noMoreCalls = {
  code: 'BUDGET_CALLS',
  result: 'The person has used up the calls of tools of this hour: it was not done. Say so, and do not try again.'
}
