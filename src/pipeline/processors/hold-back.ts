import type { Thought } from '../../agent/agent.ts'
import { withHeard } from '../../agent/answer.ts'
import type { Observe } from '../../frames/event.ts'
import type { Execution } from '../../frames/execution.ts'
import type { DataOf } from '../../frames/kinds.ts'
import type { Provenance } from '../../frames/provenance.ts'
import { type Egress, withheldMark } from '../../policy/egress.ts'

/** A turn that ends with a fixed sentence, because of what the model wrote in it. */
export interface HeldBack {
  readonly kind: 'held back'
  readonly sentence: 'SECRET_WITHHELD' | 'CANARY_WITHHELD'
  readonly turn: NonNullable<DataOf<'reply.drafted'>['turn']>
  readonly provenance: Provenance
}

/**
 * Takes out of a turn what must not leave, before anything of it is in a frame. An answer with a secret, and whatever holds the
 * canary, becomes a fixed sentence; a call with a secret keeps its place, so that the model is told why it was not made.
 */
export function holdBack(
  { egress, observe }: { egress: Egress; observe: Observe },
  execution: Execution,
  thought: Thought
): Thought | HeldBack {
  const texts = thought.kind === 'answer' ? [withHeard(execution.frames, thought.text)] : textsOf(thought.data)
  const found = texts.map(text => egress.find(text, execution))
  const worst = found.includes('canary') ? 'CANARY_WITHHELD' : found.includes('secret') ? 'SECRET_WITHHELD' : null
  if (worst === null) return thought
  observe('alert', { code: worst, execution: execution.id })
  const { provenance } = thought
  if (thought.kind === 'answer') return { kind: 'held back', sentence: worst, turn: thought.turn, provenance }
  const { calls, text, ...turn } = thought.data
  if (worst === 'CANARY_WITHHELD') return { kind: 'held back', sentence: worst, turn, provenance }
  const clean = (said: string) => (egress.holdsSecret(said) ? withheldMark : said)
  const kept = calls.map(call => {
    const isWhole = !egress.holdsSecret(call.tool) && !egress.holdsSecret(call.arguments)
    return isWhole ? call : { id: call.id, tool: clean(call.tool), arguments: withheldMark }
  })
  return { kind: 'calls', data: { ...turn, calls: kept, text: clean(text) }, provenance }
}

function textsOf({ text, calls }: DataOf<'tool.requested'>): string[] {
  return [text, ...calls.flatMap(call => [call.tool, call.arguments])]
}
