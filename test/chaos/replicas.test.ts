import t from 'tap'
import { decisions } from './cases/decisions.ts'
import { drain } from './cases/drain.ts'
import { duplicates } from './cases/duplicates.ts'
import { history } from './cases/history.ts'
import { kills } from './cases/kills.ts'
import { pause } from './cases/pause.ts'
import { taps } from './cases/taps.ts'
import type { Teardown } from './field.ts'
import { inTurns } from './plan.ts'
import { midClaim } from './points.ts'
import type { Report } from './verdict.ts'

// The short cut of the cases in which several servers share a database.
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
  ['a question that is tapped twice at once at two replicas is done once', t => taps(t, onDatabase, 100)],
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
