import { timingSafeEqual } from 'node:crypto'
import { type Decision, readPayload } from '../../channels/button-payload.ts'
import { type Question, questionPutBy } from '../../frames/approval.ts'
import { type Execution, received } from '../../frames/execution.ts'
import type { DataOf } from '../../frames/kinds.ts'
import type { Provenance } from '../../frames/provenance.ts'
import { approveQuestion, type QuestionParts, refuseQuestion, type Waiting, waitingIn } from '../../inbox/questions.ts'
import { type Verdict, verdictOf } from './evidence-verdict.ts'

/** Derives the token of a button from the hash of its question: it is kept nowhere, and every process knows it. */
export type TokenOf = (hash: string, decision: Decision) => string

type Parts = QuestionParts & { readonly tokenOf: TokenOf }
type Tap = DataOf<'button.tapped'>
type Tapped = { readonly execution: Execution; readonly question: Question }

/**
 * Judges a tap by all the conditions of safety rule 3.5; that the webhook was signed and its MessageSid is new was seen at the door.
 * A tap that misses any of them changes nothing, whichever button it was.
 */
export async function judgeTap(parts: Parts, execution: Execution, tap: Tap, provenance: Provenance): Promise<Verdict> {
  const refuse = (reason: Verdict['reason'], about?: Question | Waiting): Verdict => {
    return { verdict: 'refused', reason, approvals: about === undefined ? [] : [about.request.id] }
  }
  const payload = readPayload(tap.button?.payload ?? '')
  const tapped = await tappedBy(parts, execution, tap.repliedTo)
  if (tap.forwarded) return refuse('forwarded', tapped?.question)
  if (tap.media.length > 0) return refuse('button-not-alone', tapped?.question)
  if (tapped !== null && tapped.execution.principal !== execution.principal) return refuse('another-person')
  const waiting = await waitingIn(parts.store, execution.lane)
  const fit = waiting.find(
    ({ request }) => payload !== null && fits(parts, request.data.hash, payload, tapped, request.id)
  )
  if (payload === null || fit === undefined) return refuse(whyNone(parts, payload, tapped, waiting), tapped?.question)
  if (tapped === null) return refuse('wrong-original', fit)
  if (tapped.question.request.id !== fit.request.id) return refuse('another-question', fit)
  if (tap.to !== received(fit.execution.frames).data.to) return refuse('another-number', fit)
  // By the time of acceptance: a person is not to be punished for our queue.
  if (Date.parse(execution.at) > fit.request.data.binding.exp) return refuse('expired', fit)
  return decide(parts, execution, fit, payload.decision, provenance)
}

async function decide(
  parts: Parts,
  { id: evidence }: Execution,
  fit: Waiting,
  decision: Decision,
  provenance: Provenance
): Promise<Verdict> {
  const word = { by: 'principal', how: 'button', evidence } as const
  const outcome =
    decision === 'approve'
      ? await approveQuestion(parts, fit, word, provenance)
      : await refuseQuestion(parts, fit, { ...word, state: 'denied' }, provenance)
  return verdictOf(outcome, evidence, fit.request.id)
}

/** The question whose message was tapped, whoever it was put to. */
async function tappedBy({ store }: Parts, { tenant }: Execution, message: string | undefined): Promise<Tapped | null> {
  const id = message === undefined ? null : await store.find(message)
  const execution = id === null ? null : await store.read(id)
  if (execution === null || execution.tenant !== tenant) return null
  const question = questionPutBy(execution.frames, message ?? '')
  return question === undefined ? null : { execution, question }
}

type Payload = NonNullable<ReturnType<typeof readPayload>>

function fits(parts: Parts, hash: string, { decision, token }: Payload, tapped: Tapped | null, id: string): boolean {
  if (token === null) return tapped?.question.request.id === id
  const [said, wanted] = [Buffer.from(token), Buffer.from(parts.tokenOf(hash, decision))]
  return said.length === wanted.length && timingSafeEqual(said, wanted)
}

/** Why a payload fits no question that waits. */
function whyNone(
  parts: Parts,
  payload: Payload | null,
  tapped: Tapped | null,
  waiting: readonly Waiting[]
): Verdict['reason'] {
  if (payload !== null && tapped !== null) {
    const { request, decided } = tapped.question
    const isIts = fits(parts, request.data.hash, payload, tapped, request.id)
    if (isIts && decided !== undefined) return decided.data.state === 'expired' ? 'expired' : 'decided-already'
  }
  return waiting.length === 0 ? 'no-question' : 'wrong-button'
}
