import { type Field, type Served, setField, type Teardown } from '../field.ts'
import type { OnStore } from '../setting.ts'
import { judge, type Report } from '../verdict.ts'

const replicas = 3

/** Posts the same webhook a hundred times at once (to three replicas where they share a database), kills servers twice over it, and goes on posting it. */
export async function duplicates(t: Teardown, { cluster }: OnStore): Promise<Report> {
  const field = await setField(t)
  const [message] = field.person(['bell'])
  const serve = (env: Record<string, string>) =>
    Promise.all(Array.from({ length: cluster === null ? 1 : replicas }, (_, i) => field.serve(env, { beside: i > 0 })))
  const statuses: number[] = []
  let killed = 0
  for (const point of ['accept-committed', 'tool-finished']) {
    const servers = await serve({ CHAOS_POINT: point })
    statuses.push(...(await postMany(field, servers)))
    // Who is at work is killed by itself; those beside it go with it.
    if ((await Promise.race(servers.map(server => server.exited))) === null) killed += servers.length
    await Promise.all(servers.map(server => server.kill('SIGKILL')))
  }
  const servers = await serve({})
  const last = await postMany(field, servers)
  await field.quiet()
  last.push(...(await postMany(field, servers)))
  await Promise.all(servers.map(server => server.kill('SIGTERM')))
  const report = await judge(field, {
    case: `C5 the same webhook 400 times at ${servers.length} servers`,
    struck: { kills: killed }
  })
  const refused = last.filter(status => status !== 200).length
  const rung = field.ledger.effects.length
  const replies = field.stage.twilio.messages.length
  const problems = [
    ...(killed === 2 * servers.length ? [] : ['a kill did not bite']),
    ...(refused > 0 ? [`${refused} repeats were not answered 200`] : []),
    ...(rung === 1 && replies === 1 ? [] : [`${message?.name} rang ${rung} times and got ${replies} replies`])
  ]
  const remark = `${statuses.filter(status => status === 200).length} answered by the servers that were killed`
  return { ...report, remark, problems: [...report.problems, ...problems] }
}

function postMany(field: Field, servers: readonly Served[]): Promise<number[]> {
  const [message] = field.said
  return Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      message === undefined ? 0 : field.post(message, servers[i % servers.length])
    )
  )
}
