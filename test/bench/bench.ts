// npm run bench [-- --quick] [--json FILE] [--only acknowledgements|job|claims] [--profile DIR] [--store mongodb]
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { startReplicaSet } from '../mongod.ts'
import { compareAcknowledgements } from './acknowledgements.ts'
import { compareClaims } from './claims.ts'
import { judge, type Round, ratio, type Verdict } from './lines.ts'
import { table } from './table.ts'
import { compareWholeJobs } from './whole-job.ts'

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string', multiple: true, default: ['acknowledgements', 'job', 'claims'] },
    profile: { type: 'string' },
    // One member, on a disk: its journal waits for it as ours does.
    store: { type: 'string', default: 'sqlite' }
  }
})
const full = {
  rounds: 5,
  sideRounds: 3,
  messages: 16_000,
  single: 1_500,
  notes: 400,
  alone: 60,
  lanes: 100_000,
  claims: 150
}
const quick = {
  rounds: 3,
  sideRounds: 3,
  messages: 4_000,
  single: 500,
  notes: 150,
  alone: 20,
  lanes: 20_000,
  claims: 50
}
const size = given.quick ? quick : full
const verdicts: Verdict[] = []
const results: Record<string, unknown> = {}

const replicaSet = given.store === 'mongodb' ? await startReplicaSet(1, { fast: false }) : null
const ground = { profileDir: given.profile, mongodbUri: replicaSet?.uri }
const started = performance.now()
const load = [loadavg()[0]]
for (const [name, measure] of Object.entries({ acknowledgements, job, claims })) {
  if (given.only.includes(name)) results[name] = await measure()
}
load.push(loadavg()[0])
await replicaSet?.stop()
summarise()

async function acknowledgements(): Promise<object> {
  const rounds = [
    { connections: 32, messages: size.messages, times: size.rounds },
    { connections: 1, messages: size.single, times: size.sideRounds },
    { connections: 128, messages: size.messages, times: size.sideRounds }
  ]
  const measured = await compareAcknowledgements({ rounds, ground })
  for (const { connections, rounds } of measured.rounds) print(`acknowledged/s, ${connections} connections`, rounds)
  if (measured.kept !== measured.acknowledged) throw new Error('the store does not hold what was acknowledged')
  const [few = [], , many = []] = measured.rounds.map(({ rounds }) => rounds)
  if (replicaSet === null) verdicts.push(judge('acknowledged', ratio(few)), judge('receiving', measured.memory))
  else verdicts.push(judge('mongodb-acknowledged', ratio(few)), judge('mongodb-crowd', ratio(many)))
  return measured
}

async function job(): Promise<object> {
  const { rounds, notes, alone } = size
  const measured = await compareWholeJobs({ rounds, notes, alone, ground })
  print('voice notes answered/s', measured.throughput)
  print('ms from webhook to reply', measured.latency)
  if (measured.done !== measured.acknowledged) throw new Error('not every voice note was answered')
  if (replicaSet !== null) verdicts.push(judge('mongodb-job', ratio(measured.throughput)))
  else {
    verdicts.push(judge('job', ratio(measured.throughput)), judge('reply', ratio(measured.latency)))
    verdicts.push(judge('working', measured.memory))
  }
  return measured
}

async function claims(): Promise<object> {
  if (replicaSet !== null) return {}
  const { rounds, claims, lanes: long } = size
  const measured = await compareClaims({ rounds, claims, long, short: 1_000 })
  print(`ms for a claim, ${long} and 1000 waiting`, measured)
  verdicts.push(judge('claim', ratio(measured)))
  return measured
}

function print(title: string, rounds: readonly Round[]): void {
  process.stdout.write(`\n${title}\n${table(rounds)}\n`)
}

/** Says what held and what did not, and leaves the exit code. */
function summarise(): void {
  const seconds = (performance.now() - started) / 1_000
  const missed = verdicts.filter(verdict => !verdict.held)
  const marks = verdicts.map(
    ({ held, figure, bound, says }) => `${held ? '✓' : '✗'} ${figure.toFixed(2)} (${bound})  ${says}`
  )
  process.stdout.write(`\n${marks.join('\n')}\n`)
  const json = JSON.stringify({ load, seconds, verdicts, ...results }, null, 2)
  process.stdout.write(`\n${json}\n`)
  if (given.json !== undefined) writeFileSync(given.json, `${json}\n`)
  process.exitCode = missed.length > 0 ? 1 : 0
}
