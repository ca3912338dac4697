import { setTimeout as wait } from 'node:timers/promises'
import { noteKinds } from '../../../src/frames/kinds.ts'
import { until } from '../../stage.ts'
import { type Field, type Said, type Served, setField, type Teardown, type Wish } from '../field.ts'
import { readJournal } from '../journal.ts'
import { openPartition } from '../partition.ts'
import type { Setting } from '../setting.ts'
import { talkUntil } from '../talk.ts'
import { judge, type Report } from '../verdict.ts'
import { openWatch, type Watch } from '../watch.ts'

const leaseMs = 2_000
const freshShare = 0.7
// One that ends while calls to the store still wait, and one that outlasts them.
const lengths = [1.6 * leaseMs, 3 * leaseMs]
const patienceMs = 40_000

const conversations: readonly (readonly Wish[])[] = [
  ['bell', 'long'],
  ['long', 'bell'],
  ['note', 'bell', 'plain']
]

/**
 * Cuts one of two workers off from the database, but not from the world, again and again in mid-work: it starts no effect once its
 * leases are older than 0.7 of their length, the other takes over, and after the cut it works on.
 */
export async function partitioned(t: Teardown, _setting: Setting, cuts = 5): Promise<Report> {
  const field = await setField(t)
  const partition = await openPartition()
  const watch = await openWatch(field.stage.twilio.url)
  t.teardown(() => Promise.all([partition.close(), watch.close()]))
  field.meddling.thought = () => wait(150)
  const other = await field.serve()
  const env = { MONGODB_URI: partition.through(field.stage.env.MONGODB_URI ?? ''), TWILIO_API_URL: watch.url }
  const victim = await field.serve(env, { beside: true })
  const windows: Window[] = []
  const answeredAt: number[] = []
  field.meddling.taken = message => {
    if (!watch.sends.some(({ frame }) => message.statusCallback?.includes(frame))) answeredAt.push(performance.now())
  }
  const doneByOther = () => [
    ...answeredAt,
    ...field.ledger.effects.filter(({ pid }) => pid === other.pid).map(({ at }) => at)
  ]
  const goesOn = ({ from, to }: Window) => doneByOther().some(at => at > from && at < to + 2 * leaseMs)
  const cutting = (async () => {
    for (let cut = 0; cut < cuts; cut++) {
      await comesToWork(field, victim, watch)
      const from = performance.now()
      partition.cut()
      void field.post(field.person(['plain'], { voice: false })[0] as Said, victim)
      await wait(lengths[cut % lengths.length] ?? leaseMs)
      windows.push({ from, to: performance.now() })
      partition.heal({ drop: cut % 3 === 2 })
    }
    await comesToWork(field, victim, watch)
  })()
  await talkUntil(field, [other], conversations, { until: cutting, silenceMs: 500, voice: false })
  await cutting
  await field.quiet()
  const codes = await Promise.all([victim.kill('SIGTERM'), other.kill('SIGTERM')])
  const report = await judge(field, {
    case: 'C9 a worker cut off from the database alone',
    struck: { partitions: partition.kept() > 0 ? windows.length : 0 },
    ends: () => 'done or unknown',
    remark: `${partition.kept()} pieces kept back`
  })
  const begun = await begunBy(field, victim, watch)
  const problems = [
    ...lateness(begun, windows),
    ...windows.filter(window => !goesOn(window)).map(() => 'nobody went on during a cut'),
    ...(codes.every(code => code === 0) ? [] : [`the servers left with ${codes}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

/** When the victim was cut off, ms, monotonic. */
interface Window {
  readonly from: number
  readonly to: number
}

/** Waits until the victim has done something in the world. */
async function comesToWork(field: Field, victim: Served, watch: Watch): Promise<void> {
  const count = () => watch.sends.length + field.ledger.effects.filter(({ pid }) => pid === victim.pid).length
  const before = count()
  await until(() => count() > before, patienceMs, victim)
}

/** An effect: when it reached the world, and when the journal went on past its intent (ms, monotonic). */
interface Begun {
  readonly at: number
  readonly passedAt: number
}

async function begunBy(field: Field, victim: Served, watch: Watch): Promise<Begun[]> {
  const kept = [...(await readJournal(field.stage)).values()]
  const passed = new Map(
    kept.flatMap(({ frames }) =>
      frames.flatMap(frame => {
        const next = frames.find(({ n, kind }) => n > frame.n && !noteKinds.has(kind))
        const passedAt = next === undefined ? Number.POSITIVE_INFINITY : Date.parse(next.at) - performance.timeOrigin
        return [[frame.id, passedAt] as const, [`${frame.execution}:${frame.n}`, passedAt] as const]
      })
    )
  )
  const begun = (name: string, at: number) => ({ at, passedAt: passed.get(name) ?? Number.POSITIVE_INFINITY })
  return [
    ...watch.sends.map(({ frame, at }) => begun(frame, at)),
    ...field.ledger.effects.filter(({ pid }) => pid === victim.pid).map(({ key, at }) => begun(key, at))
  ]
}

/** What was begun while the victim could not know that the work was its own, and what was begun when others had gone past it. A lease is at most as old as the cut. */
function lateness(begun: readonly Begun[], windows: readonly Window[]): string[] {
  const within = windows.flatMap(({ from, to }) =>
    begun
      .filter(({ at }) => at > from + leaseMs * freshShare + slackMs && at < to)
      .map(({ at }) => `an effect was begun ${Math.round(at - from)} ms after a cut of ${Math.round(to - from)} ms`)
  )
  const after = begun
    .filter(({ at, passedAt }) => at > passedAt + slackMs)
    .map(({ at, passedAt }) => `an effect was begun ${Math.round(at - passedAt)} ms after others had gone past it`)
  return [...within, ...after]
}

// From the check to the first byte at the other side, on a machine that has much else to do.
const slackMs = 100
