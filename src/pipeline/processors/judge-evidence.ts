import { timingSafeEqual } from 'node:crypto'
import { questionsIn } from '../../frames/approval.ts'
import { type Execution, framesOf, received } from '../../frames/execution.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import type { DataOf } from '../../frames/kinds.ts'
import { deriveProvenance, type Provenance } from '../../frames/provenance.ts'
import { isCode } from '../../inbox/code-message.ts'
import { countWrongCode, decideQuestion, type QuestionParts, type Waiting, waitingIn } from '../../inbox/questions.ts'
import type { Spending } from '../../policy/budgets.ts'
import { plainAnswer } from '../../policy/plain-answers.ts'
import type { Route } from '../pipeline.ts'
import type { Processor } from '../processor.ts'
import type { CodeOf } from './post-prompt.ts'

type Verdict = DataOf<'evidence.judged'>

/** What judging needs: codes by their hash, and how many wrong ones a person may send in a day before none of theirs counts. */
type EvidenceParts = QuestionParts & { codeOf: CodeOf; spending: Pick<Spending, 'allowed'> }

const day = 86_400_000
const mostRemembered = 10

/**
 * Judges a message that may answer a question: a code approves the one question it belongs to, a plain no refuses all that are open,
 * and nothing else says anything. No model is asked. Safe to do twice: an answer names the message that it rests on.
 */
export function createJudgeEvidence(parts: EvidenceParts): Processor {
  return {
    name: 'judge-evidence',
    async run({ execution, frame }) {
      const provenance = deriveProvenance('evidence', execution.id, [received(execution.frames).provenance])
      const verdict =
        (await judgedBefore(parts, execution)) ??
        (frame.kind === 'code.received'
          ? await judgeCode(parts, execution, frame.data, provenance)
          : await judgeWords(parts, execution, provenance))
      parts.observe('evidence.judged', { execution: execution.id, verdict: verdict.verdict, reason: verdict.reason })
      const draft: Draft<'evidence.judged'> = { kind: 'evidence.judged', data: verdict, parent: frame.id, provenance }
      return { draft }
    }
  }
}

/** What follows from it: a message that was none is thought about, an answer is answered by the execution that asked. */
export const afterEvidence =
  (tell: Route): Route =>
  (frames, frame) => {
    const { verdict } = (frame as Frame<'evidence.judged'>).data
    if (verdict === 'none') return 'think'
    return verdict === 'refused' ? tell(frames, frame) : 'rest'
  }

/** Where the words of a message are all there: a plain yes or no is judged first, everything else goes to the agent. */
export const judgeOrThink = (frames: readonly Frame[]) => (plainWordsOf(frames) === null ? 'think' : 'judge-evidence')

function plainWordsOf(frames: readonly Frame[]): 'yes' | 'no' | null {
  const { text } = received(frames).data
  const heard = framesOf(frames, 'speech.transcribed').map(({ data }) => data.text)
  return plainAnswer([text, ...heard].join(' '))
}

/** What it came to before the process died, if it had come to anything. */
async function judgedBefore({ store }: QuestionParts, { id, lane }: Execution): Promise<Verdict | null> {
  const others = [...(await store.unsettled(lane)), ...(await store.earlier(lane, id, mostRemembered))]
  const mine = others
    .flatMap(({ frames }) => questionsIn(frames))
    .flatMap(({ decided }) => (decided?.data.evidence === id ? [decided.data] : []))
  const [first] = mine
  if (first === undefined) return null
  const approvals = [...new Set(mine.map(({ approval }) => approval))]
  if (first.state === 'approved') return { verdict: 'approved', reason: 'code-fits', approvals }
  return first.how === 'tries'
    ? { verdict: 'refused', reason: 'too-many-tries', approvals }
    : { verdict: 'denied', reason: 'clear-no', approvals }
}

async function judgeCode(
  parts: EvidenceParts,
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
  const wrongCodes = await parts.store.record(tally(execution))
  if (
    wrongsIn(wrongCodes?.data, Date.parse(execution.at)).length >=
    parts.spending.allowed(execution.tenant).failedCodesPerDay
  )
    return refuse('too-many-tries')
  const said = Buffer.from(message.text.trim())
  const fitting = waiting.filter(({ request }) => timingSafeEqual(said, Buffer.from(parts.codeOf(request.data.hash))))
  const [fit, ...more] = fitting
  if (fit === undefined) return wrong(parts, execution, waiting, provenance)
  if (more.length > 0) return refuse('ambiguous', fitting)
  // By the time of acceptance: a person is not to be punished for our queue.
  if (Date.parse(execution.at) > fit.request.data.binding.exp) return refuse('expired', [fit])
  const answer = { state: 'approved', by: 'principal', how: 'code', evidence: execution.id } as const
  const decided = await decideQuestion(parts, fit, answer, provenance)
  if (decided?.evidence !== execution.id) return refuse('decided-already', [fit])
  return { verdict: 'approved', reason: 'code-fits', approvals: [fit.request.id] }
}

async function wrong(
  parts: QuestionParts,
  execution: Execution,
  waiting: readonly Waiting[],
  provenance: Provenance
): Promise<Verdict> {
  await countForPerson(parts, execution)
  let isDenied = false
  for (const each of waiting) {
    isDenied = (await countWrongCode(parts, each, execution.id, provenance)) === 'denied' || isDenied
  }
  const approvals = waiting.map(({ request }) => request.id)
  return { verdict: 'refused', reason: isDenied ? 'too-many-tries' : 'wrong-code', approvals }
}

const tally = ({ tenant, principal }: Execution) => ({ tenant, user: principal, kind: 'wrong-codes', id: 'day' })

function wrongsIn(data: unknown, now: number): { at: number; evidence: string }[] {
  const known = (data ?? []) as { at: number; evidence: string }[]
  return known.filter(({ at }) => now - at < day)
}

/** Each message counts once, however often it is judged. */
async function countForPerson({ store }: QuestionParts, execution: Execution): Promise<void> {
  while (true) {
    const record = await store.record(tally(execution))
    const at = Date.parse(execution.at)
    const wrongs = wrongsIn(record?.data, at)
    if (wrongs.some(({ evidence }) => evidence === execution.id)) return
    const next = [...wrongs, { at, evidence: execution.id }]
    if (await store.putRecord(tally(execution), next, record?.version ?? 0)) return
  }
}

async function judgeWords(parts: QuestionParts, execution: Execution, provenance: Provenance): Promise<Verdict> {
  const waiting = await waitingIn(parts.store, execution.lane)
  const approvals = waiting.map(({ request }) => request.id)
  if (waiting.length === 0) return { verdict: 'none', reason: 'no-question', approvals }
  if (plainWordsOf(execution.frames) === 'yes') return { verdict: 'refused', reason: 'words-do-not-approve', approvals }
  const answer = { state: 'denied', by: 'principal', how: 'words', evidence: execution.id } as const
  for (const each of waiting) await decideQuestion(parts, each, answer, provenance)
  return { verdict: 'denied', reason: 'clear-no', approvals }
}
