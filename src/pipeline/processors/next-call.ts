import { approvedBinding, questionAbout, questionsIn } from '../../frames/approval.ts'
import { framesOf, lastOf, sinceRetry } from '../../frames/execution.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import type { DataOf } from '../../frames/kinds.ts'
import type { Permit } from '../../frames/permit.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { AskedCall, Circumstances, Decision } from '../../policy/decide.ts'
import { withheldCall, withheldMark } from '../../policy/egress.ts'
import type { Registry } from '../../tools/registry.ts'
import type { Route } from '../pipeline.ts'

/** What the choke point is given: the tools there are, the bound of a message, and the policy. */
export interface CallRules {
  readonly registry: Registry
  readonly maxToolCalls: number
  readonly policyVersion: string
  /** Hosts that a reading call may name unasked, and that a message to somebody else may link to whatever it was made of. */
  readonly linkHosts: ReadonlySet<string>
  /** Whether there is an operator who can agree to what takes two people. */
  readonly hasOperator: boolean
  readonly decide: (call: AskedCall, circumstances: Circumstances) => Decision
}

type Call = DataOf<'tool.requested'>['calls'][number]

/**
 * Works a model's list of calls in order: the first without a result is put to the policy, and when none is left the agent thinks
 * again. A call that a person has to agree to is bound first; what they did not agree to is refused.
 */
export function createNextCall(rules: CallRules): Route {
  return (frames, frame) => {
    const request = requestOf(frames)
    const call = firstOpen(frames, request)
    if (call === undefined) return 'think'
    const provenance = deriveProvenance('policy', request.id, [request.provenance])
    const answer = questionAbout(frames, call.id)?.decided
    if (answer !== undefined && answer.data.state !== 'approved') {
      const { state, by } = answer.data
      return refused(call, by === 'operator' ? operatorRefused : unanswered[state], frame, provenance)
    }
    if (call.arguments === withheldMark) return refused(call, withheldCall, frame, provenance)
    // The clock is looked at by those who ask and who run; what is decided here holds at any time.
    const decision = judgeCall(rules, frames, request, call, Date.parse(frame.at))
    if ('deny' in decision) return refused(call, decision.deny, frame, provenance)
    if ('ask' in decision || answer !== undefined) return 'bind-call'
    return startCall(decision.allow, request, frame)
  }
}

const operatorRefused = {
  code: 'APPROVAL_DENIED',
  result: 'The operator refused: it was not done, and it is not to be asked again. Say so.'
} as const

const unanswered = {
  denied: { code: 'APPROVAL_DENIED', result: 'The person refused: it was not done, and it is not to be asked again.' },
  cancelled: { code: 'APPROVAL_CANCELLED', result: 'The question was taken back: it was not done.' },
  expired: { code: 'APPROVAL_EXPIRED', result: 'It was not approved in time (timed out): it was not done.' }
} as const

/** The first call of the newest list that has no result. Throws a TypeError where there is none. */
export function openCall(frames: readonly Frame[]): { request: Frame<'tool.requested'>; call: Call } {
  const request = requestOf(frames)
  const call = firstOpen(frames, request)
  if (call === undefined) throw new TypeError('every call has its result')
  return { request, call }
}

/** Puts a requested call to the policy, with all that its frames say of it. */
export function judgeCall(
  rules: CallRules,
  frames: readonly Frame[],
  request: Frame<'tool.requested'>,
  { id, tool, arguments: given }: Call,
  now: number
): Decision {
  const { integrity } = request.provenance
  const asked = { execution: request.execution, call: id, tool, arguments: given }
  return judge(rules, frames, asked, { integrity, callsSoFar: callsBefore(frames, request, id), now })
}

/** Asks the policy about one call of a tool, with what it needs to know of the tool and of the person's answers. */
export function judge(
  { registry, maxToolCalls, linkHosts: hosts, decide }: CallRules,
  frames: readonly Frame[],
  call: AskedCall,
  rest: Pick<Circumstances, 'integrity' | 'callsSoFar' | 'now'>
): Decision {
  const approved = approvedBinding(frames, call.call)
  const declined = questionsIn(sinceRetry(frames)).some(({ decided }) => decided?.data.state === 'denied')
  const tool = registry.get(call.tool)
  return decide(call, { ...rest, tool, tools: registry.names, maxCalls: maxToolCalls, approved, declined, hosts })
}

/** The started-frame of an allowed call. */
export function startCall(permit: Permit, request: Frame<'tool.requested'>, parent: Frame): Draft<'tool.started'> {
  const { call, tool, class: toolClass, arguments: parsed } = permit
  const data = { call, tool, class: toolClass, arguments: parsed as DataOf<'tool.started'>['arguments'] }
  const provenance = deriveProvenance('policy', request.id, [request.provenance])
  return { kind: 'tool.started', data, parent: parent.id, provenance }
}

/** The newest list of calls. */
export function requestOf(frames: readonly Frame[]): Frame<'tool.requested'> {
  const request = lastOf(frames, 'tool.requested')
  if (request === undefined) throw new TypeError('no calls were requested')
  return request
}

function firstOpen(frames: readonly Frame[], request: Frame<'tool.requested'>): Call | undefined {
  const finished = new Set(
    framesOf(frames, 'tool.finished')
      .filter(result => result.n > request.n)
      .map(result => result.data.call)
  )
  return request.data.calls.find(call => !finished.has(call.id))
}

/** How many calls the message asked for before this one, counted since the operator last retried it. */
function callsBefore(frames: readonly Frame[], request: Frame<'tool.requested'>, id: string): number {
  const earlier = framesOf(sinceRetry(frames), 'tool.requested').filter(each => each.n < request.n)
  return (
    earlier.reduce((sum, each) => sum + each.data.calls.length, 0) +
    request.data.calls.findIndex(call => call.id === id)
  )
}

/** The result of a call that was not made. */
export function refused(
  call: { id: string; tool: string },
  denial: { code: string; result: string },
  parent: Frame,
  provenance: Draft['provenance']
): Draft<'tool.finished'> {
  const data = { call: call.id, tool: call.tool, outcome: 'refused' as const, code: denial.code, result: denial.result }
  return { kind: 'tool.finished', data, parent: parent.id, provenance }
}
