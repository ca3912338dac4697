import { setTimeout as wait } from 'node:timers/promises'
import { setField, type Teardown } from '../field.ts'
import { readJournal } from '../journal.ts'
import { bite } from '../points.ts'
import { judge, type Report } from '../verdict.ts'

const fatal = 'WORK_KILLS_THE_PROCESS'
const bystanders = 4

/**
 * A message that kills the process each time it is thought about, and one whose step always throws: both end and are told. Whoever is at work beside them,
 * and slower to make a step than the poison is to kill, comes to no harm.
 */
export async function poison(t: Teardown): Promise<Report> {
  const field = await setField(t)
  const [killer] = field.person(['poison', 'plain'])
  const [breaker] = field.person(['broken', 'plain'])
  for (let i = 0; i < bystanders; i++) field.person(['note', 'plain'], { voice: false })
  field.meddling.thought = () => wait(1_000)
  let died = 0
  while (true) {
    const server = await field.serve()
    await field.speak(server)
    const killed = await Promise.race([server.exited.then(() => true), field.quiet().then(() => false)])
    if (!killed) {
      await server.kill('SIGTERM')
      break
    }
    if (!server.output().includes(`${bite} poison`)) throw new Error(`it died of something else: ${server.output()}`)
    died += 1
    if (died > 10) break
  }
  const sick = new Map([
    [killer?.name, fatal],
    [breaker?.name, 'WORK_BROKEN']
  ])
  const report = await judge(field, {
    case: 'C11 poison',
    struck: { kills: died },
    ends: ({ name }) => (sick.has(name) ? 'dead' : 'done')
  })
  const kept = await readJournal(field.stage)
  const problems = [...sick].flatMap(([name, code]) => {
    const frames = kept.get(field.said.find(message => message.name === name)?.execution ?? '')?.frames ?? []
    const failed = frames.find(frame => frame.kind === 'work.failed')
    const told = frames.some(frame => frame.kind === 'reply.drafted' && frame.data.sentence === code)
    return failed?.data.code === code && failed.data.tries === 5 && told
      ? []
      : [`${name} did not end as ${code} after 5 tries`]
  })
  if (died !== 5) problems.push(`the poison killed ${died} times`)
  return { ...report, problems: [...report.problems, ...problems] }
}
