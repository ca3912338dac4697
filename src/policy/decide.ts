import type { z } from 'zod'
import { issuePermit, type Permit } from '../frames/permit.ts'
import { type Integrity, integrities } from '../frames/provenance.ts'
import { readArguments } from './arguments.ts'
import { classOf, type Hints, type Policy } from './classes.ts'

/** A call as the model asked for it; `arguments` is text that nobody has believed yet. */
export interface AskedCall {
  readonly execution: string
  readonly call: string
  readonly tool: string
  readonly arguments: string
}

/**
 * What the decision rests on: the tool of that name (if there is one), the names of all, the label of the context, and
 * the count of calls before this one.
 */
export interface Circumstances {
  readonly tool: { readonly name: string; readonly annotations: Hints; readonly input: z.ZodObject } | undefined
  readonly tools: readonly string[]
  readonly integrity: Integrity
  readonly callsSoFar: number
  readonly maxCalls: number
}

/** Why a call was not allowed: a code for the frame, and words for the model. */
export interface Denial {
  readonly code:
    | 'TOOL_UNKNOWN'
    | 'TOO_MANY_CALLS'
    | 'ARGUMENTS_INVALID'
    | 'APPROVAL_UNAVAILABLE'
    | 'TOOL_OFF'
    | 'POLICY_BROKEN'
  readonly result: string
}

/** Leave to run the call, or the reason why not. */
export type Decision = { readonly allow: Permit } | { readonly deny: Denial }

/**
 * Decides about one call of a tool: the only place that does, and the only one that issues permits (safety rule 3.3).
 * Pure, total and without a model; what no rule allows is denied, and so is whatever goes wrong in here.
 */
export function decide(call: AskedCall, circumstances: Circumstances, policy: Policy): Decision {
  try {
    return judge(call, circumstances, policy)
  } catch {
    return deny('POLICY_BROKEN', 'This call could not be judged, so it was not made.')
  }
}

function judge(
  call: AskedCall,
  { tool, tools, integrity, callsSoFar, maxCalls }: Circumstances,
  policy: Policy
): Decision {
  if (!(callsSoFar < maxCalls)) {
    return deny('TOO_MANY_CALLS', 'No more tool calls for this message: answer with what you have.')
  }
  if (tool === undefined || tool.name !== call.tool) {
    return deny('TOOL_UNKNOWN', `There is no such tool. There are: ${tools.join(', ').slice(0, 2_000)}.`)
  }
  const read = readArguments(call.arguments, tool.input)
  if ('problem' in read) return deny('ARGUMENTS_INVALID', `The arguments do not fit: ${read.problem}.`)
  const toolClass = classOf(tool.annotations)
  const verdict = policy.verdicts[toolClass][isTainted(integrity) ? 'tainted' : 'trusted']
  if (verdict === 'run') {
    const { execution, call: id } = call
    return { allow: issuePermit({ execution, call: id, tool: tool.name, class: toolClass, arguments: read.value }) }
  }
  if (verdict === 'ask') {
    return deny(
      'APPROVAL_UNAVAILABLE',
      "This needs the person's approval, which is not available. It was not done: tell them so, and do not try again."
    )
  }
  return deny('TOOL_OFF', 'This tool is switched off: it was not called. Tell the person so.')
}

/** Words that are not the person's own, the operator's or the system's are in the context, or a label nobody knows. */
function isTainted(integrity: Integrity): boolean {
  const rank = integrities.indexOf(integrity)
  return rank < 0 || rank > integrities.indexOf('user_voice')
}

function deny(code: Denial['code'], result: string): Decision {
  return { deny: { code, result } }
}
