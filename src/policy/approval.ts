import { jcs, jcsHash } from '../frames/jcs.ts'
import type { DataOf, ToolClass } from '../frames/kinds.ts'

/** Everything that an answer is bound to: exactly this call, for this person, under these rules, until `exp` (ms). */
export type Binding = DataOf<'approval.requested'>['binding']

const minute = 60_000
/** How long a question may be answered, by its class, ms. What is never asked has none. */
const openMs: Readonly<Partial<Record<ToolClass, number>>> = { H: 3 * minute }
const openForMs = 10 * minute
/** An approved call that was held up for longer is not made: what was right then need not be right now. */
const graceMs = minute

/** When a question that is asked at `now` (ms) expires. */
export function expiryOf(toolClass: ToolClass, now: number): number {
  return now + (openMs[toolClass] ?? openForMs)
}

/** SHA-256 of the canonical JSON of a binding, hex. */
export function hashOf(binding: Binding): string {
  return jcsHash(binding)
}

/** A call as it stands at the moment of its execution. */
export type Standing = Pick<Binding, 'execution' | 'call' | 'tool' | 'class' | 'schemaHash' | 'policyVersion'> & {
  readonly arguments: Readonly<Record<string, unknown>>
}

/** Whether an approved binding is for this very call. `changed`: the tool or the rules are others than those it was asked under. */
export function check(binding: Binding, call: Standing, now: number): 'fits' | 'changed' | 'expired' | 'another' {
  const isSame = (['execution', 'call', 'tool'] as const).every(key => binding[key] === call[key])
  if (!isSame || jcs(binding.arguments) !== jcs(call.arguments)) return 'another'
  if ((['class', 'schemaHash', 'policyVersion'] as const).some(key => binding[key] !== call[key])) return 'changed'
  return now <= binding.exp + graceMs ? 'fits' : 'expired'
}
