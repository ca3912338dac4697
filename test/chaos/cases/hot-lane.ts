import { setTimeout as wait } from 'node:timers/promises'
import { type Said, setField, type Teardown, type Wish } from '../field.ts'
import { judge, type Report } from '../verdict.ts'

const longestWaitMs = 2_000
const fewest = 20

/**
 * C19: one conversation says very much while many others say one thing each, no faster than they are answered: with a single slot they
 * wait no longer than a fair turn of the first.
 */
export async function hotLane(t: Teardown, size: { hot: number; quiet: number; everyMs: number }): Promise<Report> {
  const field = await setField(t, { WORKER_CONCURRENCY: '1', LOG_LEVEL: 'debug', LEASE_SECONDS: '15' })
  const receiving = await field.serve({ WORKER_CONCURRENCY: '0' })
  const hot = field.person(
    Array.from({ length: size.hot }, (): Wish => 'plain'),
    { voice: false }
  )
  await field.speak(receiving, hot)
  await receiving.kill('SIGTERM')
  const server = await field.serve()
  const quiet: Said[] = []
  while (quiet.length < size.quiet && (await field.stage.metric('knomly_queue_depth')) > 0) {
    const said = field.person(['plain'], { voice: false })
    await field.speak(server, said)
    quiet.push(...said)
    await wait(size.everyMs)
  }
  await field.quiet(10 * 60_000)
  await server.kill('SIGTERM')
  const waits = waitsOf(server.output(), new Set(quiet.map(({ execution }) => execution)))
  const p99 = waits.at(Math.ceil(waits.length * 0.99) - 1) ?? Number.NaN
  const report = await judge(field, {
    case: `C19 ${size.hot} messages of one beside one each of ${quiet.length}`,
    struck: { others: quiet.length },
    remark: `quiet ones waited p99 ${Math.round(p99)} ms, at most ${waits.at(-1)} ms`
  })
  const problems = [
    ...(quiet.length >= fewest ? [] : [`only ${quiet.length} came while the other was busy`]),
    ...(waits.length === quiet.length ? [] : [`${waits.length} of ${quiet.length} quiet ones were seen`]),
    ...(p99 < longestWaitMs ? [] : ['the quiet ones waited too long'])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

/** How long each of these executions waited for its first claim, ascending, ms, as the server logged it. */
function waitsOf(output: string, executions: ReadonlySet<string>): number[] {
  const waits = new Map<string, number>()
  for (const line of output.split('\n')) {
    if (!line.includes('"execution.claimed"')) continue
    const { execution, waitedMs } = JSON.parse(line)
    if (executions.has(execution) && !waits.has(execution)) waits.set(execution, waitedMs)
  }
  return [...waits.values()].sort((a, b) => a - b)
}
