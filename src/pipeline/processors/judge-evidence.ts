import { timingSafeEqual } from 'node:crypto'
import { listedOrigin } from '../../channels/channel.ts'
import { questionsIn } from '../../frames/approval.ts'
import { type Execution, framesOf, received } from '../../frames/execution.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import type { DataOf } from '../../frames/kinds.ts'
import { deriveProvenance, type Provenance } from '../../frames/provenance.ts'
import { holdsCode, isCode, mayHoldCode } from '../../inbox/code-message.ts'
import {
  approveQuestion,
  countWrongCode,
  type QuestionParts,
  refuseQuestion,
  type Waiting,
  waitingIn
} from '../../inbox/questions.ts'
import type { Spending } from '../../policy/budgets.ts'
import { plainAnswer } from '../../policy/plain-answers.ts'
import type { Switches } from '../../policy/switches.ts'
import type { Route } from '../pipeline.ts'
import type { Processor, Work } from '../processor.ts'
import { restingOn, type Verdict, verdictOf } from './evidence-verdict.ts'
import { judgeTap, type TokenOf } from './judge-tap.ts'
import type { CodeOf } from './post-prompt.ts'
import { countForPerson, hasGuessedTooOften, stopGuessing } from './wrong-codes.ts'

type Parts = QuestionParts & {
  readonly codeOf: CodeOf
  readonly tokenOf: TokenOf
  readonly switches: Pick<Switches, 'set'>
  readonly spending: Pick<Spending, 'allowed'>
}

const mostRemembered = 10

/**
 * Judges a message that may answer a question: a code or a tap answers the one question it belongs to, a plain no refuses all that
 * are open, and nothing else says anything. No model is asked. Safe to do twice: an answer names the message that it rests on.
 */
export function createJudgeEvidence(parts: Parts): Processor {
  return {
    name: 'judge-evidence',
    async run(work) {
      const { execution, frame } = work
      const provenance = deriveProvenance('evidence', execution.id, [received(execution.frames).provenance])
      const data = (await judgedBefore(parts, execution)) ?? (await judgeNow(parts, work, provenance))
      parts.observe('evidence.judged', { execution: execution.id, verdict: data.verdict, reason: data.reason })
      const draft: Draft<'evidence.judged'> = { kind: 'evidence.judged', data, parent: frame.id, provenance }
      return { draft }
    }
  }
}

/** What was refused because another process has just judged the same message is what that one found. */
async function judgeNow(parts: Parts, work: Work, provenance: Provenance): Promise<Verdict> {
  const verdict = await judge(parts, work, provenance)
  return verdict.verdict === 'refused' ? ((await judgedBefore(parts, work.execution)) ?? verdict) : verdict
}

async function judge(parts: Parts, { execution, frame }: Work, provenance: Provenance): Promise<Verdict> {
  if (frame.kind !== 'code.received' && frame.kind !== 'button.tapped') return judgeWords(parts, execution, provenance)
  // The list of messages does not say what was forwarded.
  if (frame.provenance.origin === listedOrigin) return { verdict: 'refused', reason: 'found-later', approvals: [] }
  const judgeOne = frame.kind === 'code.received' ? judgeCode : judgeTap
  return judgeOne(parts, execution, frame.data, provenance)
}

/** What follows from it: a message that was none is thought about, an answer is answered by the execution that asked. */
export const afterEvidence =
  (tell: Route): Route =>
  (frames, frame) => {
    const { verdict } = (frame as Frame<'evidence.judged'>).data
    if (verdict === 'none') return 'think'
    return verdict === 'refused' || verdict === 'agreed' ? tell(frames, frame) : 'rest'
  }

/** Where the words of a message are all there: a plain yes or no, and what may be a code aloud, is judged first; everything else goes to the agent. */
export const judgeOrThink = (frames: readonly Frame[]) =>
  plainWordsOf(frames) !== null || mayHoldCode(heardIn(frames)) ? 'judge-evidence' : 'think'

function plainWordsOf(frames: readonly Frame[]): 'yes' | 'no' | null {
  return plainAnswer(`${received(frames).data.text} ${heardIn(frames)}`)
}

function heardIn(frames: readonly Frame[]): string {
  return framesOf(frames, 'speech.transcribed')
    .map(({ data }) => data.text)
    .join(' ')
}

/** What it came to before the process died, if it had come to anything. */
async function judgedBefore({ store }: QuestionParts, { id, lane }: Execution): Promise<Verdict | null> {
  const others = [...(await store.unsettled(lane)), ...(await store.earlier(lane, id, mostRemembered))]
  const questions = others.flatMap(({ frames }) => questionsIn(frames))
  const mine = questions.flatMap(({ decided }) => (decided?.data.evidence === id ? [decided.data] : []))
  const [first] = mine
  if (first !== undefined) {
    return { ...restingOn(first), approvals: [...new Set(mine.map(({ approval }) => approval))] }
  }
  const agreed = questions.flatMap(question => question.agreed).find(({ data }) => data.evidence === id)
  if (agreed === undefined) return null
  return { verdict: 'agreed', reason: 'agreed-first', approvals: [agreed.data.approval] }
}

async function judgeCode(
  parts: Parts,
  execution: Execution,
  message: DataOf<'code.received'>,
  provenance: Provenance
): Promise<Verdict> {
  const refuse = (reason: Verdict['reason'], of: readonly Waiting[] = []): Verdict => {
    return { verdict: 'refused', reason, approvals: of.map(({ request }) => request.id) }
  }
  if (message.forwarded) return refuse('forwarded')
  if (!isCode(message.text) || message.media.length > 0) return refuse('code-not-alone')
  const waiting = await waitingIn(parts.store, execution.lane)
  if (waiting.length === 0) return refuse('no-question')
  if (await hasGuessedTooOften(parts, execution)) {
    await stopGuessing(parts, execution)
    return refuse('too-many-tries')
  }
  const said = Buffer.from(message.text.trim())
  const fitting = waiting.filter(({ request }) => timingSafeEqual(said, Buffer.from(parts.codeOf(request.data.hash))))
  const [fit, ...more] = fitting
  if (fit === undefined) return wrong(parts, execution, waiting, provenance)
  if (more.length > 0) return refuse('ambiguous', fitting)
  // By the time of acceptance: a person is not to be punished for our queue.
  if (Date.parse(execution.at) > fit.request.data.binding.exp) return refuse('expired', [fit])
  const word = { by: 'principal', how: 'code', evidence: execution.id } as const
  return verdictOf(await approveQuestion(parts, fit, word, provenance), execution.id, fit.request.id)
}

async function wrong(
  parts: QuestionParts,
  execution: Execution,
  waiting: readonly Waiting[],
  provenance: Provenance
): Promise<Verdict> {
  await countForPerson(parts.store, execution)
  let isDenied = false
  for (const each of waiting) {
    isDenied = (await countWrongCode(parts, each, execution.id, provenance)) === 'denied' || isDenied
  }
  const approvals = waiting.map(({ request }) => request.id)
  return { verdict: 'refused', reason: isDenied ? 'too-many-tries' : 'wrong-code', approvals }
}

async function judgeWords(parts: Parts, execution: Execution, provenance: Provenance): Promise<Verdict> {
  const waiting = await waitingIn(parts.store, execution.lane)
  const approvals = waiting.map(({ request }) => request.id)
  if (waiting.length === 0) return { verdict: 'none', reason: 'no-question', approvals }
  const words = plainWordsOf(execution.frames)
  if (words === null) return judgeSpokenCode(parts, execution, waiting)
  if (words === 'yes') return { verdict: 'refused', reason: 'words-do-not-approve', approvals }
  const answer = { state: 'denied', by: 'principal', how: 'words', evidence: execution.id } as const
  for (const each of waiting) await refuseQuestion(parts, each, answer, provenance)
  return { verdict: 'denied', reason: 'clear-no', approvals }
}

/** A code that is spoken approves nothing, and no model is to hear it; other numbers are words. */
function judgeSpokenCode({ codeOf }: Parts, { frames }: Execution, waiting: readonly Waiting[]): Verdict {
  const heard = heardIn(frames)
  const spoken = waiting.filter(({ request }) => holdsCode(heard, codeOf(request.data.hash)))
  if (spoken.length === 0) return { verdict: 'none', reason: 'no-question', approvals: [] }
  return { verdict: 'refused', reason: 'code-not-alone', approvals: spoken.map(({ request }) => request.id) }
}
