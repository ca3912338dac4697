import { type Field, setField, type Teardown } from '../field.ts'
import { judge, type Report } from '../verdict.ts'

/** Posts the same webhook a hundred times at once, kills the server when it was taken, and posts it a hundred times more. */
export async function duplicates(t: Teardown): Promise<Report> {
  const field = await setField(t)
  const [message] = field.person(['bell'])
  const first = await field.serve({ CHAOS_POINT: 'tool-finished' })
  const before = await postMany(field)
  const killed = (await first.exited) === null
  const server = await field.serve()
  const after = await postMany(field)
  await field.quiet()
  const late = await postMany(field)
  await server.kill('SIGTERM')
  const report = judge(field, { case: 'the same webhook 300 times', faults: Number(killed) })
  const refused = [...after, ...late].filter(status => status !== 200).length
  const rung = field.ledger.effects.length
  const replies = field.stage.twilio.messages.length
  const problems = [
    ...(refused > 0 ? [`${refused} repeats were not answered 200`] : []),
    ...(rung === 1 && replies === 1 ? [] : [`${message?.name} rang ${rung} times and got ${replies} replies`])
  ]
  const remark = `${before.filter(status => status === 200).length} answered before the kill`
  return { ...report, remark, problems: [...report.problems, ...problems] }
}

function postMany(field: Field): Promise<number[]> {
  const [message] = field.said
  return Promise.all(Array.from({ length: 100 }, () => (message === undefined ? 0 : field.post(message))))
}
