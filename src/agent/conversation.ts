import { framesOf, lastOf } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'
import type { DataOf } from '../frames/kinds.ts'
import type { Item } from '../providers/provider.ts'
import { withoutHeard } from './answer.ts'
import { personWords } from './person-words.ts'

/**
 * An earlier execution as it stood when this one started: its first `n` frames. `{execution, n}` of each is recorded
 * with a turn.
 */
export interface Memory {
  readonly execution: string
  readonly n: number
  readonly frames: readonly Frame[]
}

const mostRemembered = 100

/**
 * All that a model is shown: the memory, oldest first, and then the message with the steps taken for it. Pure: the same
 * frames give the same words.
 */
export function itemsShown(memory: readonly Memory[], frames: readonly Frame[]): Item[] {
  // Some servers count their calls from one in every answer: an id is told apart by the execution it is from.
  const earlier = memory.flatMap((each, i) =>
    itemsOfEarlier(each).map(item => ('id' in item ? { ...item, id: `m${i + 1}_${item.id}` } : item))
  )
  return [...earlier, ...itemsOf(frames)]
}

/**
 * The items of the execution at hand: what the person said, and every call that has its result. What was told them
 * before a retry is left out.
 */
export function itemsOf(frames: readonly Frame[]): Item[] {
  return [{ role: 'user', text: personWords(frames) }, ...callItems(frames, null)]
}

/**
 * The items of an earlier execution: what the person said, every call with how it stood, and what they were told in the
 * end.
 */
export function itemsOfEarlier({ n, frames }: Memory): Item[] {
  const known = frames.filter(frame => frame.n <= n)
  if (!isRemembered(known)) return []
  const reply = replyOf(known)
  return [
    { role: 'user', text: personWords(known) },
    ...callItems(known, standingOf(known)),
    ...(reply === '' ? [] : [{ role: 'assistant', text: reply } as const])
  ]
}

/**
 * Chooses what is remembered of `earlier` (newest first): whole executions, without a gap, within `budget` tokens;
 * refused messages, commands and codes do not count. Answers oldest first.
 */
export function recall(earlier: readonly { readonly frames: readonly Frame[] }[], budget: number): Memory[] {
  const remembered: Memory[] = []
  let left = budget
  for (const { frames } of earlier) {
    const last = frames.at(-1)
    if (last === undefined || !isRemembered(frames)) continue
    const memory = { execution: last.execution, n: last.n, frames }
    left -= tokensOf(itemsOfEarlier(memory))
    if (left < 0 || remembered.length === mostRemembered) break
    remembered.unshift(memory)
  }
  return remembered
}

/** How many tokens a model is shown with `itemsShown`, estimated. */
export function tokensShown(memory: readonly Memory[], frames: readonly Frame[]): number {
  return tokensOf(itemsShown(memory, frames))
}

/** An estimate that errs on the high side for every script: three bytes of UTF-8 a token, and a few for each item. */
function tokensOf(items: readonly Item[]): number {
  return Math.ceil(Buffer.byteLength(JSON.stringify(items)) / 3)
}

function isRemembered(frames: readonly Frame[]): boolean {
  const kind = frames[0]?.kind
  if (kind !== 'voice.received' && kind !== 'text.received') return false
  const isSpokenCode = lastOf(frames, 'evidence.judged')?.data.reason === 'code-not-alone'
  return !isSpokenCode && lastOf(frames, 'message.refused') === undefined
}

/** The lists of calls with their results; a call without one is shown as `unanswered`, or left out. */
function callItems(frames: readonly Frame[], unanswered: string | null): Item[] {
  const results = new Map(framesOf(frames, 'tool.finished').map(({ data }) => [data.call, resultText(data)]))
  return framesOf(frames, 'tool.requested').flatMap(({ data }): Item[] => {
    const calls = data.calls.filter(call => unanswered !== null || results.has(call.id))
    if (calls.length === 0) return []
    return [
      ...(data.text.trim() === '' ? [] : [{ role: 'assistant', text: data.text } as const]),
      ...calls.map(
        ({ id, tool, arguments: raw }) => ({ role: 'call', id, tool: nameOf(tool), arguments: objectOf(raw) }) as const
      ),
      ...calls.map(({ id }) => ({ role: 'result', id, output: results.get(id) ?? unanswered ?? '' }) as const)
    ]
  })
}

function resultText({ outcome, code, result }: DataOf<'tool.finished'>): string {
  return outcome === 'done' ? result : `${outcome}${code === null ? '' : ` (${code})`}: ${result}`
}

function standingOf(frames: readonly Frame[]): string {
  const end = frames.findLast(({ kind }) => ['outcome.unknown', 'work.failed', 'work.retried'].includes(kind))
  if (end?.kind === 'outcome.unknown') return 'nobody knows whether this was done'
  return end === undefined ? 'waiting for the person' : 'this was not finished'
}

/** What the person was told last; what was told before a retry went back behind it does not count. */
function replyOf(frames: readonly Frame[]): string {
  let replies: Frame<'reply.drafted'>[] = []
  for (const frame of frames) {
    if (frame.kind === 'reply.drafted') replies.push(frame)
    if (frame.kind === 'work.retried') replies = replies.filter(({ n }) => n <= frame.data.from)
  }
  return withoutHeard(frames, replies.at(-1)?.data.parts.join('\n') ?? '')
}

// A server refuses the whole conversation for one name or one text of arguments that is garbage, even in the past.
function nameOf(tool: string): string {
  return tool.replace(/[^\w-]/g, '_').slice(0, 64) || 'unnamed'
}

function objectOf(raw: string): string {
  try {
    const value: unknown = JSON.parse(raw)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? raw : '{}'
  } catch {
    return '{}'
  }
}
