import { type Integrity, lowestIntegrity } from '../frames/provenance.ts'
import type { ToolResult } from './tool.ts'

/** What a tool says of what it did, as JSON, under the lowest label among the records it has `seen`. */
export function answer(result: object, seen: readonly { integrity: Integrity }[] = []): ToolResult {
  const [first, ...rest] = seen.map(({ integrity }) => integrity)
  const label = first === undefined ? {} : { integrity: rest.reduce(lowestIntegrity, first) }
  return { outcome: 'done', result: JSON.stringify(result), ...label }
}

const longestResult = 16_000

/** A result as a frame holds it: what is longer is cut. */
export function bounded(answer: ToolResult): ToolResult {
  if (answer.result.length <= longestResult) return answer
  return { ...answer, result: `${answer.result.slice(0, longestResult)}… (cut)` }
}
