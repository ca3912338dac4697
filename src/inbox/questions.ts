import { openQuestion, questionsIn, type Request } from '../frames/approval.ts'
import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Observe } from '../frames/event.ts'
import { type Execution, framesOf } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import { type Draft, type Frame, makeFrame, noTail } from '../frames/frame.ts'
import type { DataOf } from '../frames/kinds.ts'
import type { Provenance } from '../frames/provenance.ts'
import type { AuditOf } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import { addNote } from './note.ts'

/** An answer to a question, and what it rests on. */
export type Answer = Pick<DataOf<'approval.decided'>, 'state' | 'by' | 'how' | 'evidence'>

/** What deciding needs. */
export interface QuestionParts {
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly observe: Observe
  readonly auditOf: AuditOf
}

/** A question that waits for its person, in the execution that asked. */
export interface Waiting {
  readonly execution: Execution
  readonly request: Request
}

/** A wrong code is forgiven so often. */
const mostTries = 3

/** The questions of a lane that wait for an answer. */
export async function waitingIn(store: Pick<Store, 'unsettled'>, lane: string): Promise<Waiting[]> {
  return (await store.unsettled(lane)).flatMap(execution => {
    const request = execution.state === 'parked' ? openQuestion(execution.frames) : undefined
    return request === undefined ? [] : [{ execution, request }]
  })
}

/** Every question of a lane without an answer, also one that is still on its way to the person. */
export async function askedIn(store: Pick<Store, 'unsettled'>, lane: string): Promise<Request[]> {
  return (await store.unsettled(lane)).flatMap(({ frames }) => openQuestion(frames) ?? [])
}

/**
 * Decides a question once, whoever else tries: one compare-and-set writes the answer, frees the execution and rings its lane.
 * Answers what was decided, by this answer or by an earlier one; null for a question that does not wait: it is still on its way to
 * the person, or another one about the same call took its place.
 */
export async function decideQuestion(
  parts: QuestionParts,
  { execution: { id }, request }: Pick<Waiting, 'request'> & { execution: Pick<Execution, 'id'> },
  answer: Answer,
  provenance: Provenance
): Promise<Answer | null> {
  while (true) {
    const execution = await parts.store.read(id)
    if (execution === null) throw new Failure('NOT_FOUND')
    const decided = questionsIn(execution.frames).find(each => each.request.id === request.id)?.decided
    if (decided !== undefined) return decided.data
    if (execution.state !== 'parked' || openQuestion(execution.frames)?.id !== request.id) return null
    const draft: Draft<'approval.decided'> = {
      kind: 'approval.decided',
      data: { ...answer, approval: request.id },
      parent: request.id,
      provenance
    }
    const frame = makeFrame(id, execution.frames.at(-1) ?? noTail, draft, parts)
    const { outcomes } = parts.auditOf(execution, [frame as Frame])
    // A status callback of the prompt that came between is no reason to refuse: the look is taken again.
    if (!(await parts.store.decide(id, frame as Frame, { id: request.id, state: answer.state }, outcomes))) continue
    parts.observe('approval.decided', { execution: id, state: answer.state, by: answer.by, how: answer.how })
    return answer
  }
}

/** Counts a wrong code against a question, and denies it at the third. Each piece of evidence counts once. */
export async function countWrongCode(
  parts: QuestionParts,
  waiting: Waiting,
  evidence: string,
  provenance: Provenance
): Promise<'counted' | 'denied'> {
  const { execution, request } = waiting
  const approval = request.id
  await addNote(parts, execution, frames =>
    framesOf(frames, 'approval.attempted').some(({ data }) => data.evidence === evidence)
      ? null
      : { kind: 'approval.attempted', data: { approval, evidence }, parent: approval, provenance }
  )
  const frames = (await parts.store.read(execution.id))?.frames ?? []
  const tries = framesOf(frames, 'approval.attempted').filter(({ data }) => data.approval === approval).length
  if (tries < mostTries) return 'counted'
  await decideQuestion(parts, waiting, { state: 'denied', by: 'principal', how: 'tries', evidence }, provenance)
  return 'denied'
}

/** The operator's decision about a question. Throws NOT_FOUND, and DECIDED_ALREADY where somebody else or the time was first. */
export async function decideAsOperator(
  parts: QuestionParts,
  approval: string,
  state: 'approved' | 'denied'
): Promise<{ state: string }> {
  const execution = await parts.store.find(approval)
  const found = execution === null ? null : await parts.store.read(execution)
  const question = questionsIn(found?.frames ?? []).find(({ request }) => request.id === approval)
  if (found === null || question === undefined) throw new Failure('NOT_FOUND')
  const { request } = question
  const isOver = parts.clock.now() > request.data.binding.exp
  if (openQuestion(found.frames)?.id !== approval || isOver) throw new Failure('DECIDED_ALREADY')
  const answer = { state, by: 'operator', how: 'api', evidence: null } as const
  const provenance = { origin: 'operator', integrity: 'operator', confidentiality: 'tenant', ref: null } as const
  const decided = await decideQuestion(parts, { execution: found, request }, answer, provenance)
  if (decided === null) throw new Failure('NOT_ASKED_YET')
  if (decided !== answer) throw new Failure('DECIDED_ALREADY')
  return { state: decided.state }
}

/** Lets questions expire whose time is over. Answers how many did; what cannot be opened waits for its key, and what was erased is over. */
export async function expireQuestions(parts: QuestionParts, limit: number): Promise<number> {
  let expired = 0
  for (const execution of await parts.store.due(limit)) {
    if (execution.closed === 'erased') await parts.store.cancel(execution.id, [], { purgeAt: parts.clock.now() })
    const request = openQuestion(execution.frames)
    if (request === undefined) continue
    expired += 1
    const answer = { state: 'expired', by: 'timer', how: 'timer', evidence: null } as const
    const provenance = { origin: 'timer', integrity: 'system', confidentiality: 'tenant', ref: null } as const
    await decideQuestion(parts, { execution, request }, answer, provenance)
  }
  return expired
}
