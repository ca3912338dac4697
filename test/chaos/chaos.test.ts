import t from 'tap'
import { approved } from './cases/approved.ts'
import { decisions } from './cases/decisions.ts'
import { drain } from './cases/drain.ts'
import { duplicates } from './cases/duplicates.ts'
import { fullDisk } from './cases/full-disk.ts'
import { history } from './cases/history.ts'
import { kills } from './cases/kills.ts'
import { load } from './cases/load.ts'
import { pause } from './cases/pause.ts'
import { poison } from './cases/poison.ts'
import { slowSpeech } from './cases/slow-speech.ts'
import { taps } from './cases/taps.ts'
import type { Teardown } from './field.ts'
import { inTurns, planKills } from './plan.ts'
import { askingPoints, points } from './points.ts'
import type { Report } from './verdict.ts'

// A tenth of the counts of `npm run chaos`, which also prints its figures.
const seed = Date.now() % 1_000_000
const atOnce = 6
const onDisk = { cluster: null }
const chains = planKills(1, seed)
const others: readonly [string, (t: Teardown) => Promise<Report>][] = [
  ['a message that kills the process ends after five claims and takes nobody with it', poison],
  ['the same webhook four hundred times and over two kills is one execution and one reply', t => duplicates(t, onDisk)],
  [
    'a disk that takes no writes is answered 503, keeps nothing by halves, and work goes on when it takes them again',
    t => fullDisk(t, 'forbidden')
  ],
  ['a server under load drains on SIGTERM and leaves nothing in the dark', t => drain(t, 'SIGTERM')],
  ['a second SIGTERM in the middle of a drain loses nothing', t => drain(t, 'SIGTERM twice')],
  ['a server that slept through its leases in mid-send sends once', t => pause(t, onDisk, 'mid-send', [2])],
  [
    'a server that slept between the intent of an effect and the effect does it once',
    t => pause(t, onDisk, 'tool-started', [2])
  ],
  ['what was approved is done once, whatever is killed, and nothing else is', t => approved(t, askingPoints)],
  ['a question is decided once, however many decide it', t => decisions(t, onDisk, 100)],
  ['a question that is tapped twice at once is done once', t => taps(t, onDisk, 100)],
  ['random calls of the store under kills have no anomaly', t => history(t, { ...onDisk, seed }, 2)],
  ['a transcription longer than its lease is asked for once', t => slowSpeech(t, { isTormented: false }, 3)],
  [
    'a thousand messages of fifty people are answered once each and in order',
    t => load(t, { people: 50, messagesEach: 20 })
  ]
]

// Each case waits more than it works, so they run side by side.
const runs = inTurns(atOnce, [
  ...chains.map(plan => () => kills(t, plan).catch(broken)),
  ...others.map(
    ([, run]) =>
      () =>
        run(t).catch(broken)
  )
])

t.test(
  'a server killed at any point of its work loses nothing, doubles nothing and repeats no recorded step',
  async t => {
    const reports = (await runs).slice(0, chains.length)
    t.strictSame(
      reports.flatMap(report => report.problems),
      [],
      `seed ${seed}`
    )
    t.equal(
      reports.reduce((sum, report) => sum + (report.struck.kills ?? 0), 0),
      points.length
    )
  }
)

for (const [i, [title]] of others.entries()) {
  t.test(title, async t => {
    t.strictSame((await runs)[chains.length + i]?.problems, [])
  })
}

/** What stopped a case is its problem: the others go on. */
function broken(error: unknown): Pick<Report, 'problems' | 'struck'> {
  return { problems: [String(error)], struck: {} }
}
