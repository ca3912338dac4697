import t from 'tap'
import { createAgent } from '../../src/agent/agent.ts'
import { instructions } from '../../src/agent/instructions.ts'
import type { Frame } from '../../src/frames/frame.ts'
import { confidentialities, deriveProvenance, type Integrity, integrities } from '../../src/frames/provenance.ts'
import { randomFrom } from '../random.ts'
import { answered, executionOf, finished, requested, type Step, text } from './frames.ts'

const random = randomFrom(606)
const upTo = (n: number) => Math.floor(random() * n)
const pick = <T>(list: readonly T[]): T => list[upTo(list.length)] as T
const rank = (integrity: Integrity) => integrities.indexOf(integrity)
const signal = new AbortController().signal

/** A past message: its frames, the rank of the least trusted thing that was said in it, and of all that ever went into it. */
interface Told {
  readonly frames: readonly Frame[]
  readonly said: number
  readonly truth: number
}

function agentOf(memoryTokens: number) {
  return createAgent({
    provider: {
      respond: async () => ({ text: 'So.', calls: [], provider: 'p', model: 'm', tokens: { input: 1, output: 1 } })
    },
    ...{
      canaryOf: () => 'c',
      linkHosts: new Set<string>(),
      registry: { offers: () => [], isVouchedFor: () => true },
      instructions,
      timeZone: 'UTC'
    },
    ...{ maxToolCalls: 50, memoryTokens, clock: { now: () => Date.parse('2026-11-23T08:16:00Z') } }
  })
}

t.test(
  'over random conversations no label rises: not by memory, by what memory was made of, nor by thinking again',
  async t => {
    let [thoughts, hidden] = [0, 0]
    for (let conversation = 0; conversation < 90; conversation++) {
      const agent = agentOf(pick([100, 200, 100_000]))
      const past: Told[] = []
      for (let message = 0; message < 5; message++) {
        const execution = `e${conversation}-${message}`
        const memory = agent.recall(past.toReversed())
        const told = memory.map(each => past.find(({ frames }) => frames === each.frames) as Told)
        const remembered = Math.max(0, ...told.map(({ truth }) => truth))
        const first = pick(integrities.slice(2))
        let said = rank(first)
        const steps: Step[] = [{ ...text(`words ${'and words '.repeat(upTo(20))}`), integrity: first }]
        const think = async (): Promise<Integrity> => {
          const turn = () => agent.think({ frames: executionOf(steps, execution), memory, signal })
          const [label, again] = [(await turn()).provenance, (await turn()).provenance]
          const truth = Math.max(said, remembered)
          thoughts++
          // What was said is forgotten, and only an answer that was made of it is left.
          if (truth > Math.max(said, ...told.map(each => each.said))) hidden++
          if (
            rank(label.integrity) !== truth ||
            again.integrity !== label.integrity ||
            label.confidentiality !== 'user'
          )
            t.fail(`${execution}: ${label.integrity}, ${again.integrity} and not ${integrities[truth]}`)
          return label.integrity
        }
        for (let call = upTo(3); call > 0; call--) {
          steps.push({ ...requested([[`c${call}`, 'look', '{}']]), integrity: await think() })
          const read = pick(integrities)
          steps.push({ ...finished(`c${call}`, 'what it said'), integrity: read })
          said = Math.max(said, rank(read))
        }
        steps.push({ ...answered('So.'), integrity: await think() })
        past.push({ frames: executionOf(steps, execution), said, truth: Math.max(said, remembered) })
      }
    }
    t.ok(thoughts > 600, `${thoughts} thoughts`)
    t.ok(hidden > 20, `${hidden} of them in the shadow of something forgotten`)
  }
)

t.test(
  'what is made of others is trusted as little as the least of them, and shown to as few as the fewest',
  async t => {
    for (let i = 0; i < 5_000; i++) {
      const parents = Array.from({ length: 1 + upTo(5) }, () => ({
        ...{ origin: 'o', integrity: pick(integrities), confidentiality: pick(confidentialities), ref: null }
      }))
      const made = deriveProvenance('made', null, parents)
      const lowest = Math.max(...parents.map(({ integrity }) => rank(integrity)))
      const fewest = Math.max(...parents.map(({ confidentiality }) => confidentialities.indexOf(confidentiality)))
      if (rank(made.integrity) !== lowest || confidentialities.indexOf(made.confidentiality) !== fewest)
        t.fail(JSON.stringify([parents, made]))
    }
  }
)
