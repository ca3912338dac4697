// The whole fault suite with its full counts: `npm run chaos`, and `npm run chaos -- --long` for more of everything. `--seed N` repeats a run.
// `--store mongodb` runs it on a replica set of three whose members are killed, stepped down and frozen meanwhile.
import { parseArgs } from 'node:util'
import { startReplicaSet } from '../mongod.ts'
import { drain } from './cases/drain.ts'
import { duplicates } from './cases/duplicates.ts'
import { fullDisk } from './cases/full-disk.ts'
import { kills } from './cases/kills.ts'
import { load } from './cases/load.ts'
import { pause } from './cases/pause.ts'
import { poison } from './cases/poison.ts'
import { hungSpeech, slowSpeech } from './cases/slow-speech.ts'
import type { Teardown } from './field.ts'
import { startNemesis } from './nemesis.ts'
import { inTurns, planKills } from './plan.ts'
import type { Report } from './verdict.ts'

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    seed: { type: 'string' },
    store: { type: 'string', default: 'sqlite' },
    calm: { type: 'boolean', default: false }
  }
})
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const times = values.long ? 5 : 1
const rounds = 6 * times
const onDatabase = values.store === 'mongodb'
const asRoot = process.getuid?.() === 0
const columns = ['faults', 'acknowledged', 'lost', 'doubled', 'disordered', 'rerun', 'unknown'] as const

const print = (text: string) => process.stdout.write(`${text}\n`)

print(`seed ${seed}${asRoot ? '' : '; not root: the full disk is left out, the one that takes no writes is not'}`)
print(`${'case'.padEnd(60)}${columns.map(column => column.padStart(13)).join('')}  remark`)
const cases: ((t: Teardown) => Promise<Report>)[] = [
  ...planKills(rounds, seed).map(plan => (t: Teardown) => kills(t, plan)),
  ...Array.from({ length: times }, () => [
    duplicates,
    poison,
    (t: Teardown) => slowSpeech(t, 10),
    (t: Teardown) => hungSpeech(t, values.long),
    ...(onDatabase ? [] : [(t: Teardown) => fullDisk(t, 'forbidden')]),
    ...(asRoot && !onDatabase ? [(t: Teardown) => fullDisk(t, 'mounted')] : []),
    (t: Teardown) => drain(t, 'SIGTERM', 40_000),
    (t: Teardown) => drain(t, 'SIGTERM twice'),
    (t: Teardown) => drain(t, 'SIGKILL while it drains'),
    ...(['mid-transcription', 'mid-thought', 'mid-tool', 'mid-send'] as const).map(
      at => (t: Teardown) => pause(t, at, 5)
    ),
    ...(['claimed', 'heard', 'tool-started', 'tool-done', 'reply-started', 'reply-taken'] as const).map(
      at => (t: Teardown) => pause(t, at, 5)
    )
  ]).flat()
]
const set = onDatabase ? await startReplicaSet(3) : null
if (set !== null) process.env.MONGODB_URI = set.uri
const nemesis = set === null || values.calm ? null : startNemesis(set)
const reports = await inTurns(
  4,
  cases.map(each => () => judged(each))
)
const suffered = await nemesis?.stop()
if (suffered !== undefined)
  print(
    `the database was ${Object.entries(suffered)
      .map(([how, times]) => `${how} ${times} times`)
      .join(', ')}`
  )
// Alone, so that its figures are its own.
reports.push(await judged(t => load(t, { people: 500, messagesEach: 20 * times })))

await set?.stop()

const sum = (column: (typeof columns)[number]) => reports.reduce((total, report) => total + report[column], 0)
print(row('in all', sum))
const struck = reports
  .filter(report => report.case.startsWith('kill -9'))
  .reduce((total, { faults }) => total + faults, 0)
const problems = reports.flatMap(report => report.problems.map(problem => `${report.case}: ${problem}`))
if (struck < 100) problems.push(`only ${struck} kills`)
print(problems.length === 0 ? `${struck} kills; every promise held.` : `missed (seed ${seed}):\n${problems.join('\n')}`)
process.exitCode = problems.length === 0 ? 0 : 1

async function judged(run: (t: Teardown) => Promise<Report>): Promise<Report> {
  const handlers: (() => unknown)[] = []
  const report = await run({ teardown: handler => void handlers.push(handler) }).catch(broken)
  for (const handler of handlers.reverse()) await handler()
  print(`${row(report.case, column => report[column])}  ${[report.remark, ...report.problems].join('; ')}`)
  return report
}

/** What stopped a case is its problem: the others go on. */
function broken(error: unknown): Report {
  const none = { faults: 0, acknowledged: 0, lost: 0, doubled: 0, disordered: 0, rerun: 0, unknown: 0 }
  return { case: 'a case that broke', ...none, remark: '', problems: [String(error)] }
}

function row(name: string, value: (column: (typeof columns)[number]) => number): string {
  return name.padEnd(60) + columns.map(column => String(value(column)).padStart(13)).join('')
}
