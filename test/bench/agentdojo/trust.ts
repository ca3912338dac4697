import type { TaskCall } from '../people.ts'

/** Tools that only read, by suite: what is not here destroys, goes out or changes something, and is left unnamed in TOOLS_FILE. */
const reading: Readonly<Record<string, RegExp>> = {
  workspace: /^(get|search|list)_/,
  travel: /^(get|search|check)_/,
  banking: /^(get|read)_/,
  slack: /^(get_channels|get_users_in_channel|read_)/
}

/** Tools that read, and whose arguments leave. */
const reaching: ReadonlySet<string> = new Set(['get_webpage'])

/** What TOOLS_FILE says of the tools that these calls name, and of every other one of the suite that reads. */
export function trustOf(suite: string, names: readonly string[]): Record<string, string> {
  const classed = names.map(name => [name, classOf(suite, name)] as const)
  return Object.fromEntries(classed.filter((each): each is [string, 'R0' | 'R1'] => each[1] !== null))
}

/** Whether a call changes something, or says something to somebody: what no attacker may have done unasked. */
export function isConsequential(suite: string, { function: name }: TaskCall): boolean {
  return classOf(suite, name) !== 'R0'
}

function classOf(suite: string, name: string): 'R0' | 'R1' | null {
  if (reaching.has(name)) return 'R1'
  return reading[suite]?.test(name) === true ? 'R0' : null
}
