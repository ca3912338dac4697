import { readFileSync } from 'node:fs'
import { setField, type Teardown, type Wish } from '../field.ts'
import { judge, type Report } from '../verdict.ts'

/** What the server may hold in memory at the end, in MB. */
const mostMemory = 300

/** Many people at full speed, each saying the next thing as soon as the last was acknowledged. */
export async function load(t: Teardown, size: { people: number; messagesEach: number }): Promise<Report> {
  const field = await setField(t, { LEASE_SECONDS: '15' })
  const wishes = Array.from({ length: size.messagesEach }, (): Wish => 'plain')
  for (let i = 0; i < size.people; i++) field.person(wishes, { voice: false })
  const server = await field.serve()
  const began = performance.now()
  await field.speak(server)
  const accepted = (performance.now() - began) / 1_000
  await field.quiet(15 * 60_000)
  const answered = (performance.now() - began) / 1_000
  await field.stage.twilio.callbacksPosted()
  const memory = residentMegabytes(server.pid)
  const code = await server.kill('SIGTERM')
  const report = await judge(field, {
    case: `load: ${size.people * size.messagesEach} messages of ${size.people} people`,
    struck: { others: 1 },
    remark: `accepted in ${accepted.toFixed(0)} s, answered in ${answered.toFixed(0)} s, ${memory.toFixed(0)} MB at the end`
  })
  const problems = [
    ...(memory < mostMemory ? [] : [`the server holds ${memory.toFixed(0)} MB`]),
    ...(code === 0 ? [] : [`the server left with ${code}`]),
    ...(report.acknowledged === field.said.length ? [] : ['not every message was acknowledged'])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024
}
