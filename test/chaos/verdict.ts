import { framesOf } from '../../src/frames/execution.ts'
import { checkChain, type Frame } from '../../src/frames/frame.ts'
import type { SentMessage } from '../../src/simulator/twilio-messages.ts'
import type { Field, Said } from './field.ts'
import { type Kept, readJournal } from './journal.ts'
import { countOf, type Struck } from './totals.ts'

/** What a case came to. `problems` says in words what the numbers count, and whatever else was not as it must be. */
export interface Report {
  readonly case: string
  readonly struck: Struck
  readonly acknowledged: number
  readonly lost: number
  readonly doubled: number
  readonly disordered: number
  readonly rerun: number
  /** Executions whose frames are not numbered without a gap, or whose hash chain does not hold. */
  readonly gaps: number
  /** Leases that were taken from a holder which then noticed. */
  readonly fenced: number
  readonly unknown: number
  readonly problems: readonly string[]
  readonly remark: string
}

/** Steps that were recorded when the server died, with how often each had been asked of the outside: those counts may not grow. */
export type Recorded = ReadonlyMap<string, number>

/** Judges what lies on disk by what the world outside remembers (promises 1 to 4 of durability.md). The server is stopped. */
export async function judge(
  field: Field,
  about: {
    case: string
    struck: Struck
    recorded?: readonly Recorded[]
    remark?: string
    ends?: (said: Said) => string
  }
): Promise<Report> {
  const kept = await readJournal(field.stage)
  const acknowledged = field.said.filter(message => message.acknowledged)
  // Every send carries the id of its started-frame in the URL of its callbacks.
  const sends = Map.groupBy(field.stage.twilio.messages, sendOf)
  const problems: string[] = []
  const count = (found: readonly string[]) => {
    problems.push(...found)
    return found.length
  }
  const { ends = () => 'done' } = about
  const report = {
    case: about.case,
    struck: about.struck,
    acknowledged: acknowledged.length,
    lost: count(acknowledged.flatMap(message => lossOf(message, kept.get(message.execution), ends(message), sends))),
    doubled: count([...doubledSends(field, kept, sends), ...doubledEffects(field)]),
    disordered: count(disorderOf(field, acknowledged, kept, sends)),
    rerun: count(rerunOf(field, about.recorded ?? [])),
    gaps: count([...kept.values()].flatMap(flawOf)),
    fenced: field.fenced(),
    unknown: [...kept.values()].filter(({ frames }) => framesOf(frames, 'outcome.unknown').length > 0).length,
    remark: about.remark ?? ''
  }
  count(field.stage.openai.surprises.map(surprise => `the stand-in was surprised: ${surprise}`))
  if (countOf(about.struck) === 0) problems.push('the fault did not bite')
  return { ...report, problems }
}

/** The steps of every execution that are recorded now, and the calls that each has cost so far. To be taken while the server is dead. */
export async function recordedSteps(field: Field): Promise<Recorded> {
  const kept = await readJournal(field.stage)
  const calls = field.calls()
  const nameOf = new Map(field.said.map(message => [message.execution, message.name]))
  const keys = [...kept.values()].flatMap(({ id, frames }) => [
    ...framesOf(frames, 'audio.downloaded').map(() => `media:${id.split(':')[2]}`),
    ...framesOf(frames, 'speech.transcribed').flatMap(heard => heardKey(frames, heard)),
    ...frames.filter(isTurn).map(turn => `turn:${nameOf.get(id)}:${resultsBefore(frames, turn)}`),
    ...framesOf(frames, 'tool.finished').map(result => `effect:${id}:${result.n - 1}`)
  ])
  return new Map(keys.map(key => [key, timesOf(field, calls, key)]))
}

function isTurn(frame: Frame): boolean {
  return frame.kind === 'tool.requested' || (frame.kind === 'reply.drafted' && frame.data.turn !== null)
}

function heardKey(frames: readonly Frame[], heard: Frame<'speech.transcribed'>): string[] {
  const audio = framesOf(frames, 'audio.downloaded').find(each => each.data.attachment === heard.data.attachment)
  return audio === undefined ? [] : [`heard:${audio.data.sha256}`]
}

function resultsBefore(frames: readonly Frame[], turn: Frame): number {
  return framesOf(frames, 'tool.finished').filter(result => result.n < turn.n).length
}

function timesOf(field: Field, calls: ReadonlyMap<string, number>, key: string): number {
  if (!key.startsWith('effect:')) return calls.get(key) ?? 0
  return field.ledger.effects.filter(effect => `effect:${effect.key}` === key).length
}

function rerunOf(field: Field, recorded: readonly Recorded[]): string[] {
  const calls = field.calls()
  return recorded.flatMap(steps =>
    [...steps]
      .filter(([key, before]) => timesOf(field, calls, key) !== before || before === 0)
      .map(([key, before]) => `recorded step run again: ${key} ${before} → ${timesOf(field, calls, key)}`)
  )
}

function sendOf({ statusCallback }: SentMessage): string {
  return new URL(statusCallback ?? 'http://none').searchParams.get('s') ?? ''
}

type Sends = ReadonlyMap<string, readonly SentMessage[]>

/** Each part that was to be sent, with the messages that its attempts came to. */
function partsOf({ frames }: Kept, sends: Sends): { text: string; sent: SentMessage[]; recorded: string[] }[] {
  return framesOf(frames, 'reply.drafted').flatMap((draft, i, drafts) => {
    const until = drafts[i + 1]?.n ?? Number.POSITIVE_INFINITY
    const within = (frame: Frame) => frame.n > draft.n && frame.n < until
    return draft.data.parts.map((text, part) => {
      const attempts = framesOf(frames, 'reply.started').filter(start => within(start) && start.data.part === part)
      const results = framesOf(frames, 'reply.part-sent').filter(sent => within(sent) && sent.data.part === part)
      return {
        text,
        sent: attempts.flatMap(start => sends.get(start.id) ?? []),
        recorded: results.map(result => result.data.message)
      }
    })
  })
}

function lossOf(message: Said, kept: Kept | undefined, end: string, sends: Sends): string[] {
  if (kept === undefined) return [`${message.name} was acknowledged and is not in the store`]
  const kinds = kept.frames.map(frame => frame.kind).join(' ')
  if (!end.split(' or ').includes(kept.state)) return [`${message.name} is ${kept.state} and not ${end}: ${kinds}`]
  const parts = partsOf(kept, sends)
  if (parts.length === 0) return [`${message.name} was never answered: ${kinds}`]
  return parts.flatMap(({ text, sent, recorded }) => {
    const arrived = sent.some(({ sid, body }) => recorded.includes(sid) && body === text)
    return arrived ? [] : [`${message.name} misses a part of its answer: ${kinds}`]
  })
}

function doubledSends(field: Field, kept: ReadonlyMap<string, Kept>, sends: Sends): string[] {
  const known = new Set([...kept.values()].flatMap(({ frames }) => frames.map(frame => frame.id)))
  const strays = field.stage.twilio.messages.filter(message => !known.has(sendOf(message)))
  const twice = [...kept.values()].flatMap(each =>
    partsOf(each, sends)
      .filter(({ sent, recorded }) => sent.length > 1 || recorded.length > 1)
      .map(({ sent }) => `${each.id} sent a part ${sent.length} times`)
  )
  return [...strays.map(({ sid }) => `nobody knows why ${sid} was sent`), ...twice]
}

function doubledEffects(field: Field): string[] {
  const bells = Map.groupBy(
    field.ledger.effects.filter(effect => effect.tool === 'ring_bell'),
    effect => effect.words
  )
  return [...bells].filter(([, rung]) => rung.length > 1).map(([name, rung]) => `${name} rang ${rung.length} times`)
}

/** What is seen of one person's messages (the parts of their answers, and what their tools did) must come in the order of acknowledgement. */
function disorderOf(
  field: Field,
  acknowledged: readonly Said[],
  kept: ReadonlyMap<string, Kept>,
  sends: Sends
): string[] {
  const answers = new Map(field.stage.twilio.messages.map(({ sid }, i) => [sid, i]))
  const effects = Map.groupBy(field.ledger.effects.entries(), ([, { words }]) => words)
  return [...Map.groupBy(acknowledged, message => message.person).values()].flatMap(own => {
    const parts = own.flatMap(message => {
      const execution = kept.get(message.execution)
      return execution === undefined
        ? []
        : partsOf(untilRetried(execution), sends).flatMap(({ sent }) => sent.slice(0, 1))
    })
    const done = own.flatMap(({ name }) => effects.get(name)?.slice(0, 1) ?? [])
    return [
      ...(isAscending(parts.map(({ sid }) => answers.get(sid) ?? -1))
        ? []
        : [`answers from ${own[0]?.name} on are out of order`]),
      ...(isAscending(done.map(([place]) => place)) ? [] : [`effects from ${own[0]?.name} on are out of order`])
    ]
  })
}

function isAscending(places: readonly number[]): boolean {
  return places.every((place, i) => i === 0 || place > (places[i - 1] ?? -1))
}

function untilRetried(kept: Kept): Kept {
  const retried = kept.frames.findIndex(frame => frame.kind === 'work.retried')
  return retried < 0 ? kept : { ...kept, frames: kept.frames.slice(0, retried) }
}

function flawOf({ id, n, hash, frames }: Kept): string[] {
  const flaw = checkChain(frames)
  if (flaw !== null) return [`${id} has a broken chain at ${flaw.n}: ${flaw.flaw}`]
  return frames.length === n && frames.at(-1)?.hash === hash ? [] : [`${id} does not end where its row says`]
}
