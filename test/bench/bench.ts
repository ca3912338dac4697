// npm run bench [-- --quick] [--json FILE] [--only NAME …] [--profile DIR] [--store mongodb [--members 1 --members 3]]
// NAME: acknowledgements, job, protection, flood, claims, and on MongoDB also inserts, wake-up, replicas.
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { startReplicaSet } from '../mongod.ts'
import type { Verdict } from './lines.ts'
import { onMongodb, onSqlite } from './measures.ts'
import type { Ground } from './place.ts'
import { createReport, marks } from './report.ts'
import { full, quick } from './sizes.ts'

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    only: { type: 'string', multiple: true },
    profile: { type: 'string' },
    store: { type: 'string', default: 'sqlite' },
    members: { type: 'string', multiple: true, default: ['1', '3'] }
  }
})
const measures = given.store === 'mongodb' ? onMongodb : onSqlite
const wanted = given.only ?? Object.keys(measures)
const unknown = wanted.filter(name => measures[name] === undefined)
if (unknown.length > 0) throw new Error(`there is no ${unknown}; there are ${Object.keys(measures)}`)

const verdicts: Verdict[] = []
const started = performance.now()
const load = [loadavg()[0]]
const results =
  given.store === 'mongodb' ? await measureOnMongodb() : await measureOn({ profileDir: given.profile }, '')
load.push(loadavg()[0])
summarise()

/** Measures on one replica set after the other; the results are named by how many members each has. */
async function measureOnMongodb(): Promise<object> {
  const members: Record<string, object> = {}
  for (const count of given.members.map(Number)) {
    // On a disk: their journals wait for it as ours does.
    const { uri, stop } = await startReplicaSet(count, { fast: false })
    const ground = { profileDir: given.profile, mongodb: { uri, members: count } }
    members[count] = await measureOn(ground, count === 1 ? ', one member' : `, ${count} members`)
    await stop()
  }
  return { members }
}

/** Takes the wanted measurements, in the order of their table. */
async function measureOn(ground: Ground, about: string): Promise<object> {
  const report = createReport(about)
  const size = given.quick ? quick : full
  const results: Record<string, object> = {}
  for (const [name, measure] of Object.entries(measures)) {
    if (wanted.includes(name)) results[name] = await measure({ size, ground, report })
  }
  verdicts.push(...report.verdicts)
  return results
}

/** Says what held and what did not, and leaves the exit code. */
function summarise(): void {
  const seconds = (performance.now() - started) / 1_000
  process.stdout.write(`\n${marks(verdicts)}\n`)
  const json = JSON.stringify({ load, seconds, verdicts, ...results }, null, 2)
  process.stdout.write(`\n${json}\n`)
  if (given.json !== undefined) writeFileSync(given.json, `${json}\n`)
  process.exitCode = verdicts.every(({ held }) => held) ? 0 : 1
}
