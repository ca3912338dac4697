import { drain } from './cases/drain.ts'
import { duplicates } from './cases/duplicates.ts'
import { fullDisk } from './cases/full-disk.ts'
import { history } from './cases/history.ts'
import { kills } from './cases/kills.ts'
import { load } from './cases/load.ts'
import { partitioned } from './cases/partitioned.ts'
import { pause } from './cases/pause.ts'
import { poison } from './cases/poison.ts'
import { hungSpeech, slowSpeech } from './cases/slow-speech.ts'
import { planKills } from './plan.ts'
import { midClaim } from './points.ts'
import type { Play } from './setting.ts'

/** The cases of one store: those that bear it that others torment the database, those that want it calm, and those that want everything for themselves. */
export interface Suite {
  readonly rough: readonly Named[]
  readonly calm: readonly Named[]
  readonly alone: readonly Named[]
}

/** A case, and the name by which it is chosen. */
export interface Named {
  readonly name: string
  readonly play: Play
}

/** Puts the suite of a store together; a long one has five times as much of everything. */
export function suiteOf(about: { seed: number; isLong: boolean; onDatabase: boolean }): Suite {
  const { isLong, onDatabase } = about
  const times = isLong ? 5 : 1
  return {
    rough: [
      ...killings(about),
      ...repeated(times, [...disturbed(isLong), ...(onDatabase ? onlyOnDatabase : onlyOnDisk)])
    ],
    calm: [],
    alone: [{ name: 'load', play: t => load(t, { people: 500, messagesEach: 20 * times }) }]
  }
}

function killings({ seed, isLong, onDatabase }: Parameters<typeof suiteOf>[0]): Named[] {
  const rounds = 8 * (isLong ? 5 : 1)
  const plans = onDatabase ? planKills(rounds, seed, 2, [midClaim]) : planKills(rounds, seed)
  return plans.map(plan => ({ name: 'C1', play: t => kills(t, plan) }))
}

const pauses = [
  ...(['mid-transcription', 'mid-thought', 'mid-tool', 'mid-send'] as const),
  ...(['claimed', 'heard', 'tool-started', 'tool-done', 'reply-started', 'reply-taken'] as const)
]
const naps = [5, 2, 2]

function disturbed(isLong: boolean): Named[] {
  return [
    { name: 'C12 hung', play: (t, setting) => hungSpeech(t, setting, isLong) },
    { name: 'C21', play: (t, setting) => history(t, setting, 12) },
    { name: 'C12 slow', play: t => slowSpeech(t, 10) },
    { name: 'C5', play: duplicates },
    { name: 'C11', play: t => poison(t) },
    { name: 'C13', play: t => drain(t, 'SIGTERM', 40_000) },
    { name: 'C14', play: t => drain(t, 'SIGTERM twice') },
    { name: 'C14', play: t => drain(t, 'SIGKILL while it drains') },
    ...pauses.map((at): Named => ({ name: `C3 ${at}`, play: (t, setting) => pause(t, setting, at, naps) }))
  ]
}

const onlyOnDisk: readonly Named[] = [
  { name: 'C10 forbidden', play: t => fullDisk(t, 'forbidden') },
  ...(process.getuid?.() === 0
    ? [{ name: 'C10 mounted', play: (t: Parameters<typeof fullDisk>[0]) => fullDisk(t, 'mounted') }]
    : [])
]

const onlyOnDatabase: readonly Named[] = [
  { name: 'C3 mid-claim', play: (t, setting) => pause(t, setting, midClaim, naps) },
  ...repeated(5, [{ name: 'C9', play: partitioned } satisfies Named])
]

function repeated(times: number, cases: readonly Named[]): Named[] {
  return Array.from({ length: times }, () => cases).flat()
}
