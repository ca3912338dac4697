import t from 'tap'
import { decisions } from './chaos/cases/decisions.ts'
import { drain } from './chaos/cases/drain.ts'
import { duplicates } from './chaos/cases/duplicates.ts'
import { history } from './chaos/cases/history.ts'
import { kills } from './chaos/cases/kills.ts'
import { pause } from './chaos/cases/pause.ts'
import { sealers } from './chaos/cases/sealers.ts'
import { taps } from './chaos/cases/taps.ts'
import type { Teardown } from './chaos/field.ts'
import { inTurns } from './chaos/plan.ts'
import { midClaim } from './chaos/points.ts'
import type { Report } from './chaos/verdict.ts'

// The short cut of the chaos cases in which several servers share a database. tap runs files by their names, two at a time: it stands
// here so that it does not run beside `chaos/chaos.test.ts`, where both would keep servers from their deadlines.
const uri = process.env.TEST_MONGODB_URI ?? ''
process.env.MONGODB_URI = uri
const onDatabase = { cluster: { uri } }
const atOnce = 4
const seed = Date.now() % 1_000_000
const rounds = [
  [
    { point: 'tool-started', occurrence: 1 },
    { point: 'reply-taken', occurrence: 1 }
  ],
  [
    { point: midClaim, occurrence: 2 },
    { point: 'transcribed', occurrence: 1 }
  ]
] as const
const cases: readonly [string, (t: Teardown) => Promise<Report>][] = [
  [
    'servers killed two at a time on one database lose nothing, double nothing and repeat no recorded step',
    t => kills(t, rounds)
  ],
  [
    'a server that slept between taking a lane and its message leaves both to the other',
    t => pause(t, onDatabase, midClaim, [2])
  ],
  [
    'the same webhook four hundred times at three servers is one execution and one reply',
    t => duplicates(t, onDatabase)
  ],
  ['a server that drains leaves nothing in the dark', t => drain(t, 'SIGTERM')],
  ['a question is decided once, however many decide it in two processes', t => decisions(t, onDatabase, 50)],
  ['a question that is tapped twice at once at two replicas is done once', t => taps(t, onDatabase, 50)],
  [
    'sealers at once, one killed between a block and its mark and one asleep before it, make one chain',
    t => sealers(t, { ...onDatabase, seed }, 1)
  ],
  ['random calls of the store under kills and cuts have no anomaly', t => history(t, { ...onDatabase, seed }, 2)]
]

const runs = inTurns(
  atOnce,
  cases.map(
    ([, run]) =>
      () =>
        run(t).catch(error => ({ problems: [String(error)] }))
  )
)

for (const [i, [title]] of cases.entries()) {
  t.test(title, async t => {
    t.strictSame((await runs)[i]?.problems, [], `seed ${seed}`)
  })
}
