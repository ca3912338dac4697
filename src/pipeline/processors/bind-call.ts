import { typedBy } from '../../agent/person-words.ts'
import { questionsIn } from '../../frames/approval.ts'
import type { Clock } from '../../frames/clock.ts'
import type { Entropy } from '../../frames/entropy.ts'
import type { Observe } from '../../frames/event.ts'
import { type Execution, framesOf, received } from '../../frames/execution.ts'
import type { Draft } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import { askedIn } from '../../inbox/questions.ts'
import { type Binding, expiryOf, hashOf } from '../../policy/approval.ts'
import type { Spending } from '../../policy/budgets.ts'
import { type Ask, mayLinkFreely } from '../../policy/decide.ts'
import { type Egress, withheldCall } from '../../policy/egress.ts'
import { holdsForeignLinks } from '../../policy/links.ts'
import { renderPrompt } from '../../policy/prompt.ts'
import type { Store } from '../../store/store.ts'
import type { Target, Tool } from '../../tools/tool.ts'
import { userRecords } from '../../tools/user-records.ts'
import type { Processor, Work } from '../processor.ts'
import { type CallRules, judgeCall, openCall, refused, startCall } from './next-call.ts'
import type { CodeOf } from './post-prompt.ts'
import { promptLanguageOf } from './prompt-language.ts'

/** A person answers so many questions about one call that keeps changing. */
const mostAboutOneCall = 3

type Parts = CallRules & {
  store: Store
  clock: Clock
  entropy: Entropy
  observe: Observe
  codeOf: CodeOf
  spending: Spending
  egress: Pick<Egress, 'holdsSecret'>
}

/**
 * Looks at what a call is about before a person is asked, and again once they have approved it. It starts the call only if that is
 * still what they saw; otherwise they are asked (anew), with everything that the call is bound to.
 */
export function createBindCall(parts: Parts): Processor {
  return {
    name: 'bind-call',
    async run(work) {
      const { frames } = work.execution
      const { request, call } = openCall(frames)
      const decision = judgeCall(parts, frames, request, call, parts.clock.now())
      const refuse = (code: string, result: string) => ({
        draft: refused(call, { code, result }, work.frame, deriveProvenance('policy', request.id, [request.provenance]))
      })
      if ('deny' in decision) return refuse(decision.deny.code, decision.deny.result)
      const wanted = 'ask' in decision ? decision.ask : decision.allow
      const tool = parts.registry.get(call.tool) as Tool
      const links = { allowed: parts.linkHosts, typed: typedBy(frames) }
      const isFree = mayLinkFreely(request.provenance.integrity, parts.registry.isVouchedFor())
      if (tool.isOutward && !isFree && holdsForeignLinks(wanted.arguments, links)) {
        return refuse('LINKS_REFUSED', 'After reading the words of others no link is sent to anybody: leave it out.')
      }
      if (wanted.class === 'H' && !parts.hasOperator) {
        return refuse(
          'NO_OPERATOR',
          'It takes the agreement of an operator too, whom this server does not have. Say so.'
        )
      }
      const target = await tool.target(wanted.arguments, recordsOf(parts.store, work.execution))
      if (target === null) return refuse('TARGET_MISSING', 'There is no such thing (any more): look again.')
      const before = questionsIn(frames).filter(({ request: { data } }) => data.binding.call === call.id)
      const last = before.at(-1)?.request.data.binding
      if ('allow' in decision && last?.target?.fingerprint === target?.fingerprint) {
        return { draft: startCall(decision.allow, request, work.frame) }
      }
      if (before.length >= mostAboutOneCall) {
        return refuse('ASKED_TOO_OFTEN', 'It changed each time after the person was asked, so it was not done. Say so.')
      }
      const open = await openQuestions(parts.store, work.execution)
      if (open.length >= parts.spending.allowed(work.execution.tenant).openQuestions) {
        return refuse('TOO_MANY_QUESTIONS', 'The person has other questions to answer first. It was not done: say so.')
      }
      // What was approved and has changed since is asked about as it was before.
      const ask = 'ask' in decision ? decision.ask : last
      if (ask === undefined) throw new TypeError('nothing was asked before')
      const about = { ask, call: call.id, tool, target: target ?? null, open, again: before.length }
      const question = questionFor(parts, work, about)
      if (question === null) return refuse('TOO_LONG_TO_ASK', 'It is too long to be shown whole: make it shorter.')
      if (parts.egress.holdsSecret(question.data.prompt)) {
        parts.observe('alert', { code: withheldCall.code, execution: work.execution.id })
        return refuse(withheldCall.code, withheldCall.result)
      }
      const use = { execution: work.execution, what: `${call.id}:${before.length}` }
      if (!(await parts.spending.reserve('promptsPerHour', use, 1))) {
        return refuse('TOO_MANY_PROMPTS', 'The person was asked too often in this hour. It was not done: say so.')
      }
      const { id: execution } = work.execution
      parts.observe('approval.asked', { execution, tool: tool.name, class: ask.class })
      // The operator is one of the two whom it needs, and has little time.
      if (ask.class === 'H') parts.observe('alert', { code: 'approval-needs-operator', execution })
      return { draft: question }
    }
  }
}

/** The questions of the person that wait in other executions: their codes are taken. */
async function openQuestions(store: Store, { lane, id }: Execution): Promise<string[]> {
  const others = (await askedIn(store, lane)).filter(({ execution }) => execution !== id)
  return others.map(({ data }) => data.hash)
}

function questionFor(
  parts: Parts,
  { execution, frame }: Work,
  about: { ask: Ask; call: string; tool: Tool; target: Target | null; open: readonly string[]; again: number }
): Draft<'approval.requested'> | null {
  const { ask, call, tool, target, again } = about
  const { frames, tenant, principal } = execution
  const first = received(frames)
  const request = framesOf(frames, 'tool.requested').at(-1)
  const now = parts.clock.now()
  const provenance = deriveProvenance('policy', frame.id, [request?.provenance ?? first.provenance])
  const bound = {
    ...{ v: 1 as const, tenant, principal, channel: first.data.channel, execution: execution.id, call },
    ...{ tool: ask.tool, schemaHash: ask.schemaHash, class: ask.class, rule: ask.rule },
    arguments: ask.arguments as Binding['arguments'],
    target,
    policyVersion: parts.policyVersion,
    integrity: provenance.integrity,
    iat: now,
    exp: expiryOf(ask.class, now)
  }
  const binding = withOwnCode(parts, bound, about.open)
  const prompt = renderPrompt(binding, tool.describe(ask.arguments), promptLanguageOf(frames))
  if (prompt === null) return null
  const data = { binding, hash: hashOf(binding), again, prompt }
  return { kind: 'approval.requested', data, parent: frame.id, provenance }
}

/** Chooses the nonce so that no other open question of the person has the same code. */
function withOwnCode({ codeOf, entropy }: Parts, bound: Omit<Binding, 'nonce'>, open: readonly string[]): Binding {
  const taken = new Set(open.map(codeOf))
  while (true) {
    const binding = { ...bound, nonce: Buffer.from(entropy.bytes(16)).toString('base64url') }
    if (!taken.has(codeOf(hashOf(binding)))) return binding
  }
}

function recordsOf(store: Store, { tenant, principal }: Execution) {
  return userRecords(store, { tenant, user: principal })
}
