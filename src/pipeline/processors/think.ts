import type { Agent, Thought } from '../../agent/agent.ts'
import { withHeard } from '../../agent/answer.ts'
import { type Memory, tokensShown } from '../../agent/conversation.ts'
import type { Observe } from '../../frames/event.ts'
import { type Execution, framesOf, received } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import type { Spending } from '../../policy/budgets.ts'
import type { Egress } from '../../policy/egress.ts'
import type { Store } from '../../store/store.ts'
import type { Processor } from '../processor.ts'
import { sentence } from '../sentences.ts'
import { type HeldBack, holdBack } from './hold-back.ts'
import { overBudget } from './over-budget.ts'
import { withoutCodes } from './without-codes.ts'

const mostEarlier = 30
/** About what the instructions, the offers of tools and a short answer take. */
const tokensBeside = 2_000

/** Lets the agent take one turn: it asks for tools, or its words become the reply. Throws NOTHING_TO_READ and what the agent throws. */
export function createThink(parts: {
  agent: Agent
  spending: Spending
  store: Pick<Store, 'earlier' | 'read' | 'unsettled'>
  split: (frames: readonly Frame[], text: string) => string[]
  egress: Egress
  observe: Observe
}): Processor {
  return {
    name: 'think',
    async run({ execution, frame, signal }) {
      const { frames } = execution
      mustHaveWords(frames)
      const memory = await remember(parts, execution)
      const turns = framesOf(frames, 'tool.requested').length
      const use = { execution, what: `turn-${turns}` }
      if (!(await parts.spending.reserve('tokensPerDay', use, tokensShown(memory, frames) + tokensBeside))) {
        return overBudget(parts.spending, { execution, frame, signal }, 'tokensPerDay')
      }
      const said = await parts.agent.think({ frames, memory, signal })
      const { input, output } = (said.kind === 'calls' ? said.data : said.turn).tokens
      // A server that counts nothing is believed to have used what was reserved.
      if (input > 0) parts.spending.settle('tokensPerDay', use, input + output)
      const thought = holdBack(parts, execution, said)
      const draft = draftOf(thought, frames, frame, parts.split)
      if (draft.kind !== 'reply.drafted') return { draft }
      const shown = await withoutCodes(parts.store, execution.lane, draft.data.parts)
      return { draft: { ...draft, data: { ...draft.data, parts: shown } } }
    }
  }
}

/** The memory is fixed by the first turn that recorded one: a resumed execution shows the model the same words. */
async function remember(
  { agent, store }: { agent: Agent; store: Pick<Store, 'earlier' | 'read'> },
  execution: Execution
): Promise<Memory[]> {
  const [firstTurn] = framesOf(execution.frames, 'tool.requested')
  if (firstTurn === undefined) return agent.recall(await store.earlier(execution.lane, execution.id, mostEarlier))
  return Promise.all(
    firstTurn.data.memory.map(async ({ execution: id, n }) => ({
      execution: id,
      n,
      frames: (await store.read(id))?.frames ?? []
    }))
  )
}

function mustHaveWords(frames: readonly Frame[]): void {
  const { text, location } = received(frames).data
  const heard = framesOf(frames, 'speech.transcribed').length > 0
  if (text.trim() === '' && location === undefined && !heard) throw new Failure('NOTHING_TO_READ')
}

function draftOf(
  thought: Thought | HeldBack,
  frames: readonly Frame[],
  parent: Frame,
  split: (frames: readonly Frame[], text: string) => string[]
): Draft {
  const { provenance } = thought
  if (thought.kind === 'calls') return { kind: 'tool.requested', data: thought.data, parent: parent.id, provenance }
  const code = thought.kind === 'held back' ? thought.sentence : null
  const text = thought.kind === 'held back' ? sentence(thought.sentence) : withHeard(frames, thought.text)
  const data = { parts: split(frames, text), sentence: code, turn: thought.turn }
  return { kind: 'reply.drafted', data, parent: parent.id, provenance }
}
