import { framesOf, sinceRetry } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import type { Frame } from '../frames/frame.ts'
import { noteKinds } from '../frames/kinds.ts'

const longestWorkMs = 5 * 60_000
// No step takes longer: what a gap has beyond it, the process was not there.
const longestStepMs = 2 * 60_000
const mostBytes = 256 * 1024

/** How many calls were asked for since the message came, or since the operator last sent it back to work. */
export function callsMade(frames: readonly Frame[]): number {
  return framesOf(sinceRetry(frames), 'tool.requested').reduce((sum, { data }) => sum + data.calls.length, 0)
}

/**
 * Throws AGENT_TOO_LONG where the steps since the first turn took too long. Waiting for the next try of a failed step
 * or for a person is no work.
 */
export function mustBeQuick(frames: readonly Frame[], now: number): void {
  const run = sinceRetry(frames)
  const firstTurn = run.findIndex(frame => frame.kind === 'tool.requested')
  if (firstTurn < 0) return
  let worked = 0
  let since = Date.parse(run[firstTurn]?.at ?? '')
  let waited = false
  for (const { kind, at } of [...run.slice(firstTurn + 1), { kind: 'now', at: new Date(now).toISOString() }]) {
    if (kind === 'attempt.failed' || kind === 'approval.decided') waited = true
    if (noteKinds.has(kind)) continue
    if (!waited) worked += Math.min(Date.parse(at) - since, longestStepMs)
    since = Date.parse(at)
    waited = false
  }
  if (worked > longestWorkMs) throw new Failure('AGENT_TOO_LONG')
}

/** Throws AGENT_TOO_BIG where values take more bytes as JSON than an execution may hold. Most are told to be smaller without being written. */
export function mustBeSmall(...values: readonly unknown[]): void {
  if (values.reduce<number>((sum, value) => sum + mostOf(value), 0) <= mostBytes) return
  const bytes = values.reduce<number>((sum, value) => sum + Buffer.byteLength(JSON.stringify(value)), 0)
  if (bytes > mostBytes) throw new Failure('AGENT_TOO_BIG')
}

const mostOfSign = 6
const mostOfOther = 32

/** The most that a value can take as JSON, bytes: as if each sign had to be escaped. */
function mostOf(value: unknown): number {
  if (typeof value === 'string') return mostOfSign * value.length + mostOfOther
  if (typeof value !== 'object' || value === null) return mostOfOther
  let sum = mostOfOther
  // Every frame is looked at with every turn: a list of its entries would be made to be thrown away.
  for (const key of Object.keys(value)) sum += mostOf(key) + mostOf(value[key as keyof typeof value])
  return sum
}
