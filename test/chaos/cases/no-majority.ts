import { setTimeout as wait } from 'node:timers/promises'
import { until } from '../../stage.ts'
import { type Field, type Served, setField } from '../field.ts'
import type { Play } from '../setting.ts'
import { judge } from '../verdict.ts'

const answerMs = 5_000
const awayMs = 10_000

/** C6: the secondaries stand still as a message and the repeat of an earlier one come in: both are refused in time, and each is there once afterwards. */
export const frozenSecondaries: Play = async (t, { cluster }) => {
  const field = await setField(t)
  const server = await field.serve()
  const [known] = field.person(['bell'], { voice: false })
  await field.speak(server)
  const fresh = [...field.person(['bell'], { voice: false }), ...field.person(['plain'], { voice: false })]
  const asked = [...fresh, ...(known === undefined ? [] : [known])]
  const answers = await cluster?.frozen('secondaries', () => Promise.all(asked.map(message => timed(field, message))))
  await field.speak(server)
  await Promise.all(asked.map(message => field.post(message)))
  await field.quiet()
  const code = await server.kill('SIGTERM')
  const report = await judge(field, {
    case: 'C6 secondaries that stand still as a message comes in',
    struck: { others: answers?.length ?? 0 },
    ends: () => 'done or unknown',
    remark: `answered ${answers?.map(({ status, ms }) => `${status} after ${Math.round(ms)} ms`).join(', ')}`
  })
  const late = answers?.filter(({ status, ms }) => status !== 503 || ms > answerMs + slackMs) ?? []
  const problems = [
    ...late.map(({ status, ms }) => `without a majority a webhook was answered ${status} after ${Math.round(ms)} ms`),
    ...(code === 0 ? [] : [`the server left with ${code}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

/** C8: all of the database is gone for a while: 503, not ready, alive, the same process; then it goes on by itself. */
export const databaseGone: Play = async (t, { cluster }) => {
  const field = await setField(t)
  field.meddling.thought = () => wait(300)
  const server = await field.serve()
  const say = () => [...field.person(['bell', 'long']), ...field.person(['note', 'plain']), ...field.person(['plain'])]
  await field.speak(server, say())
  const seen = await cluster?.down(async () => {
    const asked = say()
    const answers = await Promise.all(asked.map(message => timed(field, message)))
    const health = await Promise.all(['ready', 'live'].map(path => healthOf(server, path)))
    await wait(awayMs)
    return { answers, health }
  })
  await until(async () => (await healthOf(server, 'ready')) === 200, 30_000, server)
  await field.speak(server)
  await field.quiet()
  const code = await server.kill('SIGTERM')
  const report = await judge(field, {
    case: 'C8 the whole database is gone for a while',
    struck: { others: Number(seen !== undefined) },
    ends: () => 'done or unknown',
    remark: `health ${seen?.health} meanwhile`
  })
  const wrong = seen?.answers.filter(({ status, ms }) => status !== 503 || ms > answerMs + slackMs) ?? []
  const problems = [
    ...wrong.map(({ status, ms }) => `without a database a webhook was answered ${status} after ${Math.round(ms)} ms`),
    ...(seen?.health.join() === '503,200' ? [] : [`the health was ${seen?.health}`]),
    ...(code === 0 ? [] : [`the server left with ${code}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

// The way through a busy machine to the server and back.
const slackMs = 250

async function timed(field: Field, message: Parameters<Field['post']>[0]): Promise<{ status: number; ms: number }> {
  const began = performance.now()
  return { status: await field.post(message), ms: performance.now() - began }
}

async function healthOf(server: Served, path: string): Promise<number> {
  return (await fetch(`${server.url}/health/${path}`)).status
}
