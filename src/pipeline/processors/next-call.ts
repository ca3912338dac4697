import { framesOf, lastOf, sinceRetry } from '../../frames/execution.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import type { DataOf } from '../../frames/kinds.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { AskedCall, Circumstances, Decision } from '../../policy/decide.ts'
import type { Registry } from '../../tools/registry.ts'
import type { Route } from '../pipeline.ts'

/** What the choke point is given: the tools there are, the bound of a message, and the policy. */
export interface CallRules {
  readonly registry: Registry
  readonly maxToolCalls: number
  readonly decide: (call: AskedCall, circumstances: Circumstances) => Decision
}

/** Works a model's list of calls in order: the first without a result is put to the policy, and when none is left the agent thinks again. */
export function createNextCall(rules: CallRules): Route {
  return (frames, frame) => {
    const request = requestOf(frames)
    const call = firstOpen(frames, request)
    if (call === undefined) return 'think'
    const circumstances = { integrity: request.provenance.integrity, callsSoFar: callsBefore(frames, request, call.id) }
    const decision = judge(
      rules,
      { execution: request.execution, call: call.id, tool: call.tool, arguments: call.arguments },
      circumstances
    )
    const provenance = deriveProvenance('policy', request.id, [request.provenance])
    if ('deny' in decision) return refused(call, decision.deny, frame, provenance)
    const { tool, class: toolClass, arguments: parsed } = decision.allow
    const data = { call: call.id, tool, class: toolClass, arguments: parsed as DataOf<'tool.started'>['arguments'] }
    return { kind: 'tool.started', data, parent: frame.id, provenance }
  }
}

/** Asks the policy about one call of a tool, with what it needs to know of the tool. */
export function judge(
  { registry, maxToolCalls, decide }: CallRules,
  call: AskedCall,
  rest: Pick<Circumstances, 'integrity' | 'callsSoFar'>
): Decision {
  return decide(call, { ...rest, tool: registry.get(call.tool), tools: registry.names, maxCalls: maxToolCalls })
}

/** The newest list of calls. */
export function requestOf(frames: readonly Frame[]): Frame<'tool.requested'> {
  const request = lastOf(frames, 'tool.requested')
  if (request === undefined) throw new TypeError('no calls were requested')
  return request
}

function firstOpen(
  frames: readonly Frame[],
  request: Frame<'tool.requested'>
): DataOf<'tool.requested'>['calls'][number] | undefined {
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

function refused(
  call: { id: string; tool: string },
  denial: { code: string; result: string },
  parent: Frame,
  provenance: Draft['provenance']
): Draft<'tool.finished'> {
  const data = { call: call.id, tool: call.tool, outcome: 'refused' as const, code: denial.code, result: denial.result }
  return { kind: 'tool.finished', data, parent: parent.id, provenance }
}
