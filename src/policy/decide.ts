import type { ToolClass } from '../frames/kinds.ts'
import { issuePermit, type Permit } from '../frames/permit.ts'
import { type Integrity, integrities } from '../frames/provenance.ts'
import { type Binding, check } from './approval.ts'
import { type ReadValue, readArguments } from './arguments.ts'
import type { Policy, Verdict } from './classes.ts'
import { leadsOnlyTo } from './links.ts'

/** A call as the model asked for it; `arguments` is text that nobody has believed yet. */
export interface AskedCall {
  readonly execution: string
  readonly call: string
  readonly tool: string
  readonly arguments: string
}

/**
 * What the decision rests on: the tool of that name (if there is one), the names of all, the label of the context, the
 * count of calls before this one, what the person approved of this call, and whether they refused anything of this
 * message. `hosts` are those that a reading call may name unasked. `now` is in ms.
 */
export interface Circumstances {
  readonly tool:
    | {
        readonly name: string
        readonly class: ToolClass
        readonly schemaHash: string
        readonly read: ReadValue
      }
    | undefined
  readonly tools: readonly string[]
  readonly integrity: Integrity
  readonly callsSoFar: number
  readonly maxCalls: number
  readonly approved: Binding | null
  readonly declined: boolean
  readonly hosts: ReadonlySet<string>
  readonly now: number
}

/** Why a call was not allowed: a code for the frame, and words for the model. */
export interface Denial {
  readonly code:
    | 'TOOL_UNKNOWN'
    | 'TOO_MANY_CALLS'
    | 'ARGUMENTS_INVALID'
    | 'APPROVAL_EXPIRED'
    | 'DECLINED_BEFORE'
    | 'TOOL_OFF'
    | 'POLICY_BROKEN'
  readonly result: string
}

/** What a person is to be asked first; `rule` is the class and the context that say so. */
export interface Ask {
  readonly tool: string
  readonly class: ToolClass
  readonly schemaHash: string
  readonly rule: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** Leave to run the call, the question to put first, or the reason why not. */
export type Decision = { readonly allow: Permit } | { readonly ask: Ask } | { readonly deny: Denial }

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
  { tool, tools, integrity, callsSoFar, maxCalls, approved, declined, hosts, now }: Circumstances,
  policy: Policy
): Decision {
  if (!(callsSoFar < maxCalls)) {
    return deny('TOO_MANY_CALLS', 'No more tool calls for this message: answer with what you have.')
  }
  if (tool === undefined || tool.name !== call.tool) {
    return deny('TOOL_UNKNOWN', `There is no such tool. There are: ${tools.join(', ').slice(0, 2_000)}.`)
  }
  const { class: toolClass, schemaHash } = tool
  const context = isTainted(integrity) ? 'tainted' : 'trusted'
  const verdict = policy.verdicts[toolClass][context]
  if (!askable.has(verdict))
    return deny('TOOL_OFF', 'This tool is switched off: it was not called. Tell the person so.')
  const read = readArguments(call.arguments, tool.read)
  if ('problem' in read) return deny('ARGUMENTS_INVALID', `The arguments do not fit: ${read.problem}.`)
  const { execution, call: id } = call
  const allowed = { execution, call: id, tool: tool.name, class: toolClass, arguments: read.value }
  if (verdict === 'run') return { allow: issuePermit(allowed) }
  if (verdict === 'run-to-allowed-hosts' && leadsOnlyTo(read.value, hosts)) return { allow: issuePermit(allowed) }
  const standing = { ...allowed, schemaHash, policyVersion: policy.version }
  const fit = approved === null ? 'another' : check(approved, standing, now)
  if (fit === 'fits') return { allow: issuePermit(allowed) }
  if (fit === 'expired') return deny('APPROVAL_EXPIRED', 'It was approved too long ago, so it was not done. Say so.')
  if (declined) return deny('DECLINED_BEFORE', 'The person refused before: it was not asked and not done. Say so.')
  return { ask: { ...allowed, schemaHash, rule: `${toolClass} ${context}` } }
}

// Any other verdict is a refusal, also one that nobody knows.
const askable: ReadonlySet<string> = new Set<Verdict>(['run', 'run-to-allowed-hosts', 'ask'])

/** Words that are not the person's own, the operator's or the system's are in the context, or a label nobody knows. */
function isTainted(integrity: Integrity): boolean {
  const rank = integrities.indexOf(integrity)
  return rank < 0 || rank > integrities.indexOf('user_voice')
}

/**
 * Whether what a turn came to may hold any link: it was made of the person's own words, and of no description of a tool that nobody
 * vouched for. Else only allowed hosts and what the person typed stay (safety rule 3.8).
 */
export function mayLinkFreely(integrity: Integrity, isVouchedFor: boolean): boolean {
  return isVouchedFor && !isTainted(integrity)
}

function deny(code: Denial['code'], result: string): Decision {
  return { deny: { code, result } }
}
