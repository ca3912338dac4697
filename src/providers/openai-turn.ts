import type { Item, Turn } from './provider.ts'

/** A call as a server sent it: any part may be missing or of another type. */
export interface RawCall {
  readonly id?: unknown
  readonly name?: unknown
  readonly arguments?: unknown
}

/** The longest text that is taken from a provider, in UTF-16 code units. */
export const maxTextLength = 60_000
const maxArgumentsLength = 16_384
const maxLabelLength = 200
const maxCalls = 50

/**
 * Brings an answer within the bounds of a frame. Arguments that are cut no longer parse, which is what the model is then told;
 * an id that is missing or was used before becomes `call_<n>`, so that each result belongs to one call.
 */
export function boundedTurn(
  text: string,
  calls: readonly RawCall[],
  items: readonly Item[]
): Pick<Turn, 'text' | 'calls'> {
  const taken = new Set(items.flatMap(item => (item.role === 'call' ? [item.id] : [])))
  return {
    text: cut(text, maxTextLength),
    calls: calls.slice(0, maxCalls).map(call => {
      const id = freeId(call.id, taken)
      taken.add(id)
      const tool = typeof call.name === 'string' ? cut(call.name, maxLabelLength) : ''
      return { id, tool, arguments: cut(argumentsText(call.arguments), maxArgumentsLength) }
    })
  }
}

/** At most `length` code units, never ending in half a character. */
export function cut(text: string, length: number): string {
  return text.slice(0, length).toWellFormed()
}

/** The name of an earlier call as servers take it back: a model may have made up one that they would refuse. */
export function sendableName(tool: string): string {
  return tool.replaceAll(/[^\w-]/g, '_').slice(0, 64) || 'unnamed'
}

/** The arguments of an earlier call as servers take them back: some refuse a history whose arguments are not a JSON object. */
export function sendableArguments(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? text : '{}'
  } catch {
    return '{}'
  }
}

function freeId(id: unknown, taken: ReadonlySet<string>): string {
  const given = typeof id === 'string' ? cut(id, maxLabelLength) : ''
  if (given !== '' && !taken.has(given)) return given
  let n = taken.size + 1
  while (taken.has(`call_${n}`)) n++
  return `call_${n}`
}

/** Some servers send an object instead of its text, and nothing at all where a tool takes no arguments. */
function argumentsText(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : '{}'
}
