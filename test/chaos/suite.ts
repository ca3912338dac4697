import { approved } from './cases/approved.ts'
import { wrongClocks } from './cases/clocks.ts'
import { contract } from './cases/contract.ts'
import { decisions } from './cases/decisions.ts'
import { drain } from './cases/drain.ts'
import { duplicates } from './cases/duplicates.ts'
import { primaryKilled, steppedDown } from './cases/failover.ts'
import { fullDisk } from './cases/full-disk.ts'
import { history } from './cases/history.ts'
import { hotLane } from './cases/hot-lane.ts'
import { kills } from './cases/kills.ts'
import { load } from './cases/load.ts'
import { longBacklog } from './cases/long-backlog.ts'
import { deafWorker, lostRing } from './cases/lost-ring.ts'
import { databaseGone, frozenSecondaries } from './cases/no-majority.ts'
import { partitioned } from './cases/partitioned.ts'
import { pause } from './cases/pause.ts'
import { poison } from './cases/poison.ts'
import { retention } from './cases/retention.ts'
import { sealers } from './cases/sealers.ts'
import { hungSpeech, slowSpeech } from './cases/slow-speech.ts'
import { taps } from './cases/taps.ts'
import { tenants } from './cases/tenants.ts'
import { planKills } from './plan.ts'
import { askingPoints, midClaim } from './points.ts'
import type { Play } from './setting.ts'

/** A case, and the name by which it is chosen. */
export interface Named {
  readonly name: string
  readonly play: Play
}

/** The cases of one store: those that bear it that others torment the database, those that want it calm, and those that want everything for themselves. */
export interface Suite {
  readonly rough: readonly Named[]
  readonly calm: readonly Named[]
  readonly alone: readonly Named[]
}

/** Puts the suite of a store together; a long one has five times as much of everything. */
export function suiteOf(about: { seed: number; isLong: boolean; onDatabase: boolean }): Suite {
  const { isLong, onDatabase } = about
  const times = isLong ? 5 : 1
  const database = onDatabase ? ofDatabase : ofDisk
  const rough = repeated(times, [...ofBoth(isLong), ...database.rough])
  const people = onDatabase ? 200 : 500
  const size = onDatabase ? { hot: 400, quiet: 50, everyMs: 300 } : { hot: 1_500, quiet: 200, everyMs: 50 }
  return {
    rough: [...killings(about), ...repeated(times, approvals), ...rough],
    calm: [
      ...database.calm,
      { name: 'C16', play: (t, setting) => decisions(t, setting) },
      { name: 'D4 taps', play: (t, setting) => taps(t, setting) },
      { name: 'C20', play: retention }
    ],
    alone: [
      ...database.alone,
      { name: 'C19', play: t => hotLane(t, size) },
      { name: 'load', play: t => load(t, { people, messagesEach: (onDatabase ? 10 : 20) * times }) },
      ...(isLong ? [{ name: 'C18', play: longBacklog } satisfies Named] : [])
    ]
  }
}

function killings({ seed, isLong, onDatabase }: Parameters<typeof suiteOf>[0]): Named[] {
  const rounds = isLong ? 40 : 8
  const plans = onDatabase ? planKills(rounds, seed, 2, [midClaim]) : planKills(rounds, seed)
  return plans.map(plan => ({ name: 'C1', play: t => kills(t, plan) }))
}

const approvals = [1, 2].map((occurrence): Named => ({ name: 'D4', play: t => approved(t, askingPoints, occurrence) }))

const pauses = [
  ...(['mid-transcription', 'mid-thought', 'mid-tool', 'mid-send'] as const),
  ...(['claimed', 'heard', 'tool-started', 'tool-done', 'reply-started', 'reply-taken'] as const)
]
/** How many leases each pause lasts. */
const naps = [5, 2, 2]

function ofBoth(isLong: boolean): Named[] {
  return [
    { name: 'C17', play: (t, setting) => sealers(t, setting, 10) },
    { name: 'C12 hung', play: (t, setting) => hungSpeech(t, setting, isLong) },
    { name: 'C21', play: (t, setting) => history(t, setting, 12) },
    { name: 'C12 slow', play: (t, setting) => slowSpeech(t, setting, 10) },
    { name: 'C5', play: duplicates },
    { name: 'C11', play: t => poison(t) },
    { name: 'C13', play: t => drain(t, 'SIGTERM', 40_000) },
    { name: 'C14', play: t => drain(t, 'SIGTERM twice') },
    { name: 'C14', play: t => drain(t, 'SIGKILL while it drains') },
    ...pauses.map((at): Named => ({ name: `C3 ${at}`, play: (t, setting) => pause(t, setting, at, naps) }))
  ]
}

const asRoot = process.getuid?.() === 0

const ofDisk: Suite = {
  rough: [
    { name: 'C10 forbidden', play: t => fullDisk(t, 'forbidden') },
    ...(asRoot ? [{ name: 'C10 mounted', play: t => fullDisk(t, 'mounted') } satisfies Named] : [])
  ],
  calm: [{ name: 'AC-29', play: t => tenants(t) }],
  alone: []
}

const ofDatabase: Suite = {
  rough: [
    { name: 'C3 mid-claim', play: (t, setting) => pause(t, setting, midClaim, naps) },
    ...repeated(5, [{ name: 'C9', play: partitioned } satisfies Named])
  ],
  calm: [
    { name: 'C4', play: wrongClocks },
    { name: 'C15 ring', play: lostRing },
    { name: 'C15 stream', play: deafWorker }
  ],
  alone: [
    { name: 'C2', play: primaryKilled },
    { name: 'C7', play: steppedDown },
    { name: 'C6', play: frozenSecondaries },
    { name: 'C8', play: databaseGone },
    { name: 'C22', play: contract }
  ]
}

function repeated(times: number, cases: readonly Named[]): Named[] {
  return Array.from({ length: times }, () => cases).flat()
}
