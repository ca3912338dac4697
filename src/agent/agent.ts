import type { Clock } from '../frames/clock.ts'
import { framesOf, received } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import type { Frame } from '../frames/frame.ts'
import type { DataOf } from '../frames/kinds.ts'
import { deriveProvenance, type Provenance } from '../frames/provenance.ts'
import { mayLinkFreely } from '../policy/decide.ts'
import { withoutForeignLinks } from '../policy/links.ts'
import type { Provider, ToolOffer, Turn } from '../providers/provider.ts'
import { cleanAnswer } from './answer.ts'
import { callsMade, mustBeQuick, mustBeSmall } from './bounds.ts'
import { itemsShown, type Memory, recall } from './conversation.ts'
import type { Instructions } from './instructions.ts'
import { typedBy } from './person-words.ts'

/**
 * What a turn came to: calls to be judged, or the model's own words to be sent. `provenance` is the label of all that
 * it was shown.
 */
export type Thought =
  | { readonly kind: 'calls'; readonly data: DataOf<'tool.requested'>; readonly provenance: Provenance }
  | {
      readonly kind: 'answer'
      readonly text: string
      readonly turn: NonNullable<DataOf<'reply.drafted'>['turn']>
      readonly provenance: Provenance
    }

/** Decides what to say and do next. */
export interface Agent {
  /**
   * What an execution that starts now remembers of the earlier ones of its lane (newest first); it is then fixed for
   * all its turns.
   */
  recall(earlier: readonly { readonly frames: readonly Frame[] }[]): Memory[]
  /**
   * Takes one turn. Throws AGENT_TOO_MANY_CALLS, AGENT_TOO_LONG and AGENT_TOO_BIG where the message outgrew its bounds,
   * PROVIDER_GARBLED where the model said nothing, and what the provider throws.
   */
  think(about: {
    readonly frames: readonly Frame[]
    readonly memory: readonly Memory[]
    readonly signal: AbortSignal
  }): Promise<Thought>
}

/** Makes the agent of a model, the tools it is offered and the bounds of a message. */
export function createAgent(parts: {
  provider: Pick<Provider, 'respond'>
  /** What is offered at the time of a turn, and whether somebody here answers for the words of all of it. */
  registry: { offers(): readonly ToolOffer[]; isVouchedFor(): boolean }
  instructions: Instructions
  timeZone: string
  maxToolCalls: number
  memoryTokens: number
  /** Hosts that an answer may link to whatever it was made of. */
  linkHosts: ReadonlySet<string>
  clock: Pick<Clock, 'now'>
  /** The token of a message that stands in its instructions and must stand nowhere else. */
  canaryOf: (tenant: string, execution: string) => string
}): Agent {
  return {
    recall: earlier => recall(earlier, parts.memoryTokens),
    async think({ frames, memory, signal }) {
      const first = frames[0]
      if (first === undefined) throw new TypeError('nothing to think about')
      mustBeSmall(frames)
      mustBeQuick(frames, parts.clock.now())
      const isSpent = callsMade(frames) >= parts.maxToolCalls
      const isVouchedFor = parts.registry.isVouchedFor()
      const turn = await parts.provider.respond(
        {
          instructions: parts.instructions.at(first.at, parts.timeZone, canaryFor(parts, frames)),
          items: itemsShown(memory, frames),
          tools: isSpent ? [] : parts.registry.offers()
        },
        signal
      )
      if (turn.calls.length > 0 && isSpent) throw new Failure('AGENT_TOO_MANY_CALLS')
      const thought = read(turn, frames, { memory: recorded(memory), instructions: parts.instructions.version })
      mustBeSmall(frames, thought)
      const provenance = labelOf(frames, memory)
      const isFree = mayLinkFreely(provenance.integrity, isVouchedFor)
      if (thought.kind === 'calls' || isFree) return { ...thought, provenance }
      const links = { allowed: parts.linkHosts, typed: typedBy(frames) }
      return { ...thought, text: withoutForeignLinks(thought.text, links), provenance }
    }
  }
}

function canaryFor({ canaryOf }: { canaryOf(tenant: string, execution: string): string }, frames: readonly Frame[]) {
  const { execution, data } = received(frames)
  return canaryOf(data.account, execution)
}

const mostCallsAtOnce = 50
const longestWords = 65_536

/** A turn as it can be recorded: whatever a model writes fits the frame. */
function read(turn: Turn, frames: readonly Frame[], made: Pick<DataOf<'tool.requested'>, 'memory' | 'instructions'>) {
  const { provider, model, tokens } = turn
  const record = { ...made, provider, model, tokens }
  if (turn.calls.length > 0) {
    const calls = withOwnIds(turn.calls.slice(0, mostCallsAtOnce), frames)
    return { kind: 'calls', data: { ...record, calls, text: turn.text.slice(0, longestWords) } } as const
  }
  const text = cleanAnswer(turn.text)
  if (text === '') throw new Failure('PROVIDER_GARBLED')
  return { kind: 'answer', text, turn: record } as const
}

/** An id finds the result of its call: one that is missing, odd or taken in this execution is replaced. */
function withOwnIds(calls: Turn['calls'], frames: readonly Frame[]): DataOf<'tool.requested'>['calls'] {
  const taken = new Set(framesOf(frames, 'tool.requested').flatMap(({ data }) => data.calls.map(call => call.id)))
  return calls.map(call => {
    let { id } = call
    for (let i = taken.size + 1; taken.has(id) || !/^[\w-]{1,50}$/.test(id); i++) id = `call-${i}`
    taken.add(id)
    // Arguments that were cut are no JSON any more, and the policy refuses them as such.
    return { id, tool: call.tool.slice(0, 200), arguments: call.arguments.slice(0, longestWords) }
  })
}

function recorded(memory: readonly Memory[]): DataOf<'tool.requested'>['memory'] {
  return memory.map(({ execution, n }) => ({ execution, n }))
}

/** No step launders trust: the label is the lowest of every frame behind the turn, memory included. */
function labelOf(frames: readonly Frame[], memory: readonly Memory[]): Provenance {
  const remembered = memory.flatMap(({ n, frames }) => frames.filter(frame => frame.n <= n))
  return deriveProvenance(
    'agent',
    frames.at(-1)?.id ?? null,
    [...frames, ...remembered].map(frame => frame.provenance)
  )
}
