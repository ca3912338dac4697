import { setTimeout as wait } from 'node:timers/promises'
import type { Cluster } from '../cluster.ts'
import { type Field, type Served, setField, type Teardown } from '../field.ts'
import type { Play } from '../setting.ts'
import { judge, type Report } from '../verdict.ts'

const people = 40
const pauseMs = 400
const longestGapMs = 15_000
const backlogMs = 5 * 60_000

/** C2: the primary is killed twice while a hundred messages a second come in. */
export const primaryKilled: Play = (t, { cluster }) =>
  underLoad(t, 'C2 kill -9 of the primary under load', async () => {
    for (let i = 0; i < 2; i++) {
      await cluster?.killPrimary(2_000)
      await wait(3_000)
    }
    return 2
  })

/** C7: the primary steps down in the middle of inserts, and inserts are refused without a word of what was refused. */
export const steppedDown: Play = (t, { cluster }) =>
  underLoad(t, 'C7 stepdowns in the middle of inserts', async () => {
    let bit = 0
    for (let i = 0; i < 4; i++) {
      if (cluster !== null && (i % 2 === 0 ? await refuseInserts(cluster) : await cluster.stepDown())) bit += 1
      await wait(2_000)
    }
    return bit
  })

/** NotWritablePrimary, also for the driver's own second try: it reports an empty list of write errors. */
async function refuseInserts(cluster: Cluster): Promise<boolean> {
  const data = { failCommands: ['insert'], errorCode: 10_107 }
  await cluster.admin({ configureFailPoint: 'failCommand', mode: { times: 6 }, data })
  await wait(1_000)
  await cluster.admin({ configureFailPoint: 'failCommand', mode: 'off' })
  return true
}

/**
 * Many people write at once to two servers while something strikes the database: what was answered 200 is kept and answered, nothing
 * else is asked for, and acknowledgements resume in time. `strike` answers how often it bit.
 */
async function underLoad(t: Teardown, name: string, strike: () => Promise<number>): Promise<Report> {
  const field = await setField(t)
  const servers = [await field.serve(), await field.serve({}, { beside: true })]
  let isOver = false
  const acknowledgedAt: number[] = []
  let refused = 0
  const writing = Array.from({ length: people }, async (_, i) => {
    const [first] = field.person(['plain'], { voice: false })
    for (let message = first; message !== undefined && !isOver; ) {
      const status = await field.post(message, servers[i % servers.length])
      if (status === 200) {
        acknowledgedAt.push(performance.now())
        message = field.again(message, 'plain')
      } else refused += 1
      await wait(pauseMs)
    }
  })
  await wait(1_500)
  const bit = await strike().finally(() => {
    isOver = true
  })
  await Promise.all(writing)
  await field.speak(servers)
  await field.quiet(backlogMs)
  return verdictOf(field, servers, { name, bit, refused, gapMs: longestGap(acknowledgedAt) })
}

async function verdictOf(
  field: Field,
  servers: readonly Served[],
  about: { name: string; bit: number; refused: number; gapMs: number }
): Promise<Report> {
  const { bit, refused, gapMs } = about
  const codes = await Promise.all(servers.map(server => server.kill('SIGTERM')))
  const report = await judge(field, {
    case: about.name,
    struck: { others: bit },
    ends: () => 'done or unknown',
    remark: `${refused} not answered 200, ${(gapMs / 1_000).toFixed(1)} s without an acknowledgement`
  })
  const problems = [
    ...(refused > 0 || gapMs > 1_000 ? [] : ['nobody was refused or waited: the database did not miss anything']),
    ...(gapMs <= longestGapMs ? [] : ['acknowledgements resumed too late']),
    ...(codes.every(code => code === 0) ? [] : [`the servers left with ${codes}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

function longestGap(instants: readonly number[]): number {
  return Math.max(...instants.slice(1).map((at, i) => at - (instants[i] ?? at)))
}
