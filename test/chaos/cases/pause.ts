import { setTimeout as wait } from 'node:timers/promises'
import { until } from '../../stage.ts'
import { type Field, type Served, setField, type Teardown, type Wish } from '../field.ts'
import { bite, type Point } from '../points.ts'
import type { OnStore } from '../setting.ts'
import { talkUntil } from '../talk.ts'
import { judge, type Report } from '../verdict.ts'

/** Where the server falls asleep: at a point of its own, or while the world outside hears, thinks, or has taken an effect. */
export type Pause = Point | keyof typeof outside

const outside = {
  'mid-transcription': 'heard',
  'mid-thought': 'thought',
  'mid-tool': 'posted',
  'mid-send': 'taken'
} as const

const conversations: readonly (readonly Wish[])[] = [
  ['bell', 'long'],
  ['note', 'plain'],
  ['long', 'bell'],
  ['plain', 'note']
]
const leaseMs = 2_000
const patienceMs = 180_000
// At which passings of its point it falls asleep.
const passings = [2, 5, 9, 14, 20]

/**
 * Stops the process for some leases in mid-step or in mid-effect and lets it wake up, once for each of `leases`: what it then does is
 * done once and in order. On a database another worker takes over meanwhile.
 */
export async function pause(t: Teardown, { cluster }: OnStore, at: Pause, leases: readonly number[]): Promise<Report> {
  const field = await setField(t)
  for (const wishes of conversations) field.person(wishes)
  const isOwn = !(at in outside)
  const occurrences = passings.slice(0, leases.length).join(',')
  const own = isOwn ? { CHAOS_POINT: at, CHAOS_OCCURRENCES: occurrences, CHAOS_SIGNAL: 'SIGSTOP' } : {}
  const victim = await field.serve(own)
  const others = cluster === null ? [] : [await field.serve({}, { beside: true })]
  let slept = 0
  const sleeping = isOwn
    ? sleepInside(victim, at, leases, () => slept++)
    : sleepOutside(field, victim, at as keyof typeof outside, leases, () => slept++)
  await talkUntil(field, [victim, ...others], conversations, { until: sleeping })
  await field.quiet()
  const codes = await Promise.all([victim, ...others].map(server => server.kill('SIGTERM')))
  const report = await judge(field, {
    case: `C3 SIGSTOP ${at}`,
    struck: { pauses: slept },
    ends: () => 'done or unknown'
  })
  const isFencedIn = others.length === 0 || !isOwn || at === 'mid-claim' || report.fenced > 0
  const problems = [
    ...(slept === leases.length ? [] : [`${leases.length - slept} pauses did not bite`]),
    ...(isFencedIn ? [] : ['nobody noticed that a lease was lost']),
    ...(codes.every(code => code === 0) ? [] : [`the servers left with ${codes}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

/** The server stops itself each time; here it is woken. */
async function sleepInside(victim: Served, at: Pause, leases: readonly number[], slept: () => void): Promise<void> {
  const strikes = () => victim.output().split(`${bite} ${at}\n`).length - 1
  for (const [i, each] of leases.entries()) {
    await until(() => strikes() > i, patienceMs, victim)
    await wakeAfter(victim, each)
    slept()
  }
}

/** The server is stopped by the world that it asks; the answer waits until it is awake. */
function sleepOutside(
  field: Field,
  victim: Served,
  at: keyof typeof outside,
  leases: readonly number[],
  slept: () => void
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const patience = setTimeout(() => reject(new Error('the pause did not bite')), patienceMs)
  let passed = 0
  let left = leases.length
  field.meddling[outside[at]] = async () => {
    const nap = leases[passings.indexOf(++passed)]
    if (nap === undefined) return
    process.kill(victim.pid, 'SIGSTOP')
    await wakeAfter(victim, nap)
    slept()
    if (--left > 0) return
    clearTimeout(patience)
    resolve()
  }
  return promise
}

async function wakeAfter(server: Served, leases: number): Promise<void> {
  await wait(leases * leaseMs)
  process.kill(server.pid, 'SIGCONT')
}
