// The whole fault suite with its full counts, on one store and then on the other: see the README of this folder.
import { parseArgs } from 'node:util'
import { type Cluster, startCluster } from './cluster.ts'
import { startNemesis } from './nemesis.ts'
import { inTurns } from './plan.ts'
import { type Named, suiteOf } from './suite.ts'
import { heading, judged, row, total } from './table.ts'
import { addUp, type Struck, shortOf } from './totals.ts'
import type { Report } from './verdict.ts'

const { values } = parseArgs({
  options: {
    store: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    long: { type: 'boolean', default: false },
    calm: { type: 'boolean', default: false }
  }
})
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const atOnce = 4
const stores = ['sqlite', 'mongodb']
const print = (text: string) => process.stdout.write(`${text}\n`)

if (values.store !== undefined && !stores.includes(values.store)) {
  print(`there is no store "${values.store}": --store is ${stores.join(' or ')}`)
  process.exit(1)
}
const reports: Report[] = []
const further: Struck[] = []
for (const store of values.store === undefined ? stores : [values.store]) {
  print(`${store}, seed ${seed}`)
  print(heading())
  reports.push(...(await playOn(store === 'mongodb' ? await startCluster() : null)))
}

if (reports.length === 0) {
  print(`there is no case with "${values.only}" in its name`)
  process.exit(1)
}

const struck = addUp([...reports.map(report => report.struck), ...further])
print(row('in all', total(reports)))
print(
  `kills ${struck.kills}, pauses ${struck.pauses}, failovers ${struck.failovers}, partitions ${struck.partitions}, others ${struck.others}`
)
const isWhole = values.store === undefined && values.only === undefined
const problems = [
  ...reports.flatMap(report => report.problems.map(problem => `${report.case}: ${problem}`)),
  ...(isWhole ? shortOf(struck) : [])
]
print(problems.length === 0 ? 'every promise held.' : `missed (seed ${seed}):\n${problems.join('\n')}`)
process.exitCode = problems.length === 0 ? 0 : 1

async function playOn(cluster: Cluster | null): Promise<Report[]> {
  if (cluster === null) delete process.env.MONGODB_URI
  else process.env.MONGODB_URI = cluster.uri
  const suite = suiteOf({ seed, isLong: values.long, onDatabase: cluster !== null })
  const rough = chosen(suite.rough)
  const nemesis = cluster === null || values.calm || rough.length === 0 ? null : startNemesis(cluster)
  const played = await play(rough, atOnce, cluster, nemesis !== null)
  const suffered = await nemesis?.stop()
  if (cluster !== null && suffered !== undefined) {
    print(
      `meanwhile the database lost its primary ${cluster.failovers()} times, and a member stood still ${suffered.frozen} times`
    )
  }
  played.push(...(await play(chosen(suite.calm), atOnce, cluster, false)))
  played.push(...(await play(chosen(suite.alone), 1, cluster, false)))
  if (cluster !== null) further.push({ failovers: cluster.failovers() })
  await cluster?.stop()
  return played
}

function play(
  cases: readonly Named[],
  width: number,
  cluster: Cluster | null,
  isTormented: boolean
): Promise<Report[]> {
  return inTurns(
    width,
    cases.map(each => () => judged(each, { cluster, isTormented, seed }, print))
  )
}

function chosen(cases: readonly Named[]): Named[] {
  const { only } = values
  return cases.filter(({ name }) => only === undefined || name.includes(only))
}
