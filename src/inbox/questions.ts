import { needsTwo, openQuestion, questionsIn, type Request } from '../frames/approval.ts'
import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Observe } from '../frames/event.ts'
import { type Execution, framesOf } from '../frames/execution.ts'
import { Failure } from '../frames/failure.ts'
import { type Draft, type Frame, makeFrame } from '../frames/frame.ts'
import type { DataOf } from '../frames/kinds.ts'
import type { Provenance } from '../frames/provenance.ts'
import { noTail } from '../frames/tail.ts'
import type { AuditOf } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import { addNote } from './note.ts'

/** An answer to a question, and what it rests on. */
export type Answer = Pick<DataOf<'approval.decided'>, 'state' | 'by' | 'how' | 'evidence'>

/** An answer that lets nothing happen: anybody's is enough. */
export type Refusal = Answer & { readonly state: 'denied' | 'expired' | 'cancelled' }

/** The word of one who agrees. */
export type Agreement = Pick<DataOf<'approval.agreed'>, 'by' | 'how' | 'evidence'>

/**
 * What an answer came to: it decided the question, it was the first of two that agree, the same person had agreed before, an earlier
 * answer was there, or the question does not wait (it is on its way to the person, or another one took its place).
 */
export type Outcome =
  | { readonly came: 'decided' | 'late'; readonly answer: Answer }
  | { readonly came: 'agreed' | 'agreed-before' | 'not-asked' }

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

type Asked = Pick<Waiting, 'request'> & { readonly execution: Pick<Execution, 'id'> }

/** Refuses a question, whoever else tries to answer it. */
export function refuseQuestion(
  parts: QuestionParts,
  asked: Asked,
  refusal: Refusal,
  provenance: Provenance
): Promise<Outcome> {
  return settle(parts, asked, execution => write(parts, execution, asked.request, refusal, provenance))
}

/**
 * Agrees to a question: the only way to an approval. Where it needs two people, the first word is only noted and the second decides,
 * each by a compare-and-set on exactly the frames that were looked at, so that one person's words alone come to nothing.
 */
export function approveQuestion(
  parts: QuestionParts,
  asked: Asked,
  { by, how, evidence }: Agreement,
  provenance: Provenance
): Promise<Outcome> {
  const { request } = asked
  return settle(parts, asked, async execution => {
    const agreed = questionsIn(execution.frames).find(each => each.request.id === request.id)?.agreed ?? []
    const isEnough = !needsTwo(request) || agreed.some(({ data }) => data.by !== by)
    const answer = { state: 'approved', by, how, evidence } as const
    if (isEnough) return write(parts, execution, request, answer, provenance)
    const mine = agreed.find(({ data }) => data.by === by)
    if (mine !== undefined) return { came: isSame(mine.data, evidence) ? 'agreed' : 'agreed-before' }
    const isNoted = await noteAgreement(parts, execution, request, { by, how, evidence }, provenance)
    return isNoted ? { came: 'agreed' } : undefined
  })
}

/** Takes a look and tries, until it was written or there is nothing to write: a status callback that came between is no reason to refuse. */
async function settle(
  { store }: QuestionParts,
  { execution: { id }, request }: Asked,
  attempt: (execution: Execution) => Promise<Outcome | undefined>
): Promise<Outcome> {
  while (true) {
    const execution = await store.read(id)
    if (execution === null) throw new Failure('NOT_FOUND')
    const decided = questionsIn(execution.frames).find(each => each.request.id === request.id)?.decided
    if (decided !== undefined) return { came: 'late', answer: decided.data }
    if (execution.state !== 'parked' || openQuestion(execution.frames)?.id !== request.id) return { came: 'not-asked' }
    const written = await attempt(execution)
    if (written !== undefined) return written
  }
}

/** One compare-and-set writes the answer, frees the execution and rings its lane. */
async function write(
  parts: QuestionParts,
  execution: Execution,
  request: Request,
  answer: Answer,
  provenance: Provenance
): Promise<Outcome | undefined> {
  const { id } = execution
  const draft: Draft<'approval.decided'> = {
    kind: 'approval.decided',
    data: { ...answer, approval: request.id },
    parent: request.id,
    provenance
  }
  const frame = makeFrame(id, execution.frames.at(-1) ?? noTail, draft, parts) as Frame
  const { outcomes } = parts.auditOf(execution, [frame])
  if (!(await parts.store.decide(id, frame, { id: request.id, state: answer.state }, outcomes))) return undefined
  parts.observe('approval.decided', { execution: id, state: answer.state, by: answer.by, how: answer.how })
  return { came: 'decided', answer }
}

/** The same message, judged again. */
function isSame(agreed: Agreement, evidence: string | null): boolean {
  return evidence !== null && agreed.evidence === evidence
}

async function noteAgreement(
  parts: QuestionParts,
  execution: Execution,
  request: Request,
  agreement: Agreement,
  provenance: Provenance
): Promise<boolean> {
  const data = { ...agreement, approval: request.id }
  const draft: Draft<'approval.agreed'> = { kind: 'approval.agreed', data, parent: request.id, provenance }
  const frame = makeFrame(execution.id, execution.frames.at(-1) ?? noTail, draft, parts) as Frame
  if (!(await parts.store.note(execution.id, frame))) return false
  await parts.store.audit(parts.auditOf(execution, [frame]).outcomes)
  parts.observe('approval.agreed', { execution: execution.id, by: agreement.by, how: agreement.how })
  return true
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
  await refuseQuestion(parts, waiting, { state: 'denied', by: 'principal', how: 'tries', evidence }, provenance)
  return 'denied'
}

/**
 * The operator's decision about a question: `pending` where its person has to agree as well. Throws NOT_FOUND, NOT_ASKED_YET,
 * AGREED_ALREADY, and DECIDED_ALREADY where somebody else or the time was first.
 */
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
  const word = { by: 'operator', how: 'api', evidence: null } as const
  const provenance = { origin: 'operator', integrity: 'operator', confidentiality: 'tenant', ref: null } as const
  const asked = { execution: found, request }
  const outcome =
    state === 'approved'
      ? await approveQuestion(parts, asked, word, provenance)
      : await refuseQuestion(parts, asked, { ...word, state }, provenance)
  if (outcome.came === 'not-asked') throw new Failure('NOT_ASKED_YET')
  if (outcome.came === 'agreed-before') throw new Failure('AGREED_ALREADY')
  if (outcome.came === 'late') throw new Failure('DECIDED_ALREADY')
  return { state: outcome.came === 'decided' ? outcome.answer.state : 'pending' }
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
    await refuseQuestion(parts, { execution, request }, answer, provenance)
  }
  return expired
}
