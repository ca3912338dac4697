import { type Field, setField, type Teardown } from '../field.ts'
import { judge, type Report } from '../verdict.ts'

/** Posts the same webhook a hundred times at once, kills the server twice over it, and goes on posting it. */
export async function duplicates(t: Teardown): Promise<Report> {
  const field = await setField(t)
  const [message] = field.person(['bell'])
  const statuses: number[] = []
  let killed = 0
  for (const point of ['accept-committed', 'tool-finished']) {
    const server = await field.serve({ CHAOS_POINT: point })
    statuses.push(...(await postMany(field)))
    if ((await server.exited) === null) killed += 1
  }
  const server = await field.serve()
  const last = await postMany(field)
  await field.quiet()
  last.push(...(await postMany(field)))
  await server.kill('SIGTERM')
  const report = await judge(field, { case: 'the same webhook 400 times', faults: killed })
  const refused = last.filter(status => status !== 200).length
  const rung = field.ledger.effects.length
  const replies = field.stage.twilio.messages.length
  const problems = [
    ...(killed === 2 ? [] : ['a kill did not bite']),
    ...(refused > 0 ? [`${refused} repeats were not answered 200`] : []),
    ...(rung === 1 && replies === 1 ? [] : [`${message?.name} rang ${rung} times and got ${replies} replies`])
  ]
  const remark = `${statuses.filter(status => status === 200).length} answered by the two servers that were killed`
  return { ...report, remark, problems: [...report.problems, ...problems] }
}

function postMany(field: Field): Promise<number[]> {
  const [message] = field.said
  return Promise.all(Array.from({ length: 100 }, () => (message === undefined ? 0 : field.post(message))))
}
