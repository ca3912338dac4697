import { setTimeout as wait } from 'node:timers/promises'
import { until } from '../../stage.ts'
import { type Field, setField, type Teardown, type Wish } from '../field.ts'
import { readJournal } from '../journal.ts'
import { forbiddenDisk, mountedDisk } from '../small-disk.ts'
import { judge, type Report } from '../verdict.ts'

const conversations: readonly (readonly Wish[])[] = [
  ['note', 'long'],
  ['plain', 'note'],
  ['long', 'plain']
]

/** Fills the disk while messages come in and others are at work: 503 or kept whole, and all goes on when there is room again. */
export async function fullDisk(t: Teardown, kind: 'mounted' | 'forbidden'): Promise<Report> {
  const field = await setField(t)
  const disk = kind === 'mounted' ? mountedDisk(t, field.stage.dataDir) : forbiddenDisk()
  field.meddling.thought = () => wait(200)
  const server = await field.serve()
  const speak = () => {
    for (const wishes of [...conversations, ...conversations]) field.person(wishes)
    return field.speak(server)
  }
  const speaking = speak()
  await wait(300)
  disk.fill(server)
  const speakingOn = speak()
  const refused = await postUntilRefused(field)
  const health = await Promise.all(
    ['ready', 'live'].map(async path => (await fetch(`${field.stage.url}/health/${path}`)).status)
  )
  await wait(3_000)
  const half = await halfKept(field)
  disk.clear(server)
  await until(async () => (await fetch(`${field.stage.url}/health/ready`)).status === 200, 15_000)
  await Promise.all([speaking, speakingOn])
  await field.speak(server)
  await field.quiet()
  const code = await server.kill('SIGTERM')
  const report = await judge(field, {
    case: `C10 ${disk.name}`,
    struck: { others: Number(refused > 0) },
    remark: `${refused} refused with 503`
  })
  const problems = [
    ...(refused > 0 ? [] : ['nothing was refused']),
    ...(health.join() === '503,200' ? [] : [`the health was ${health} while the disk was full`]),
    ...(code === 0 ? [] : [`the server left with ${code}`]),
    ...half
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

/** Posts messages of their own, once each, and answers how many were refused with 503; anything else than that or 200 throws. */
async function postUntilRefused(field: Field): Promise<number> {
  const messages = Array.from({ length: 20 }, () => field.person(['plain'])).flat()
  const began = performance.now()
  const statuses = await Promise.all(messages.map(message => field.post(message)))
  const seconds = (performance.now() - began) / 1_000
  if (seconds > 5) throw new Error(`an answer took ${seconds.toFixed(1)} s`)
  const odd = statuses.find(status => status !== 200 && status !== 503)
  if (odd !== undefined) throw new Error(`a webhook was answered ${odd}`)
  return statuses.filter(status => status === 503).length
}

/** While the disk is full, what is kept is what was acknowledged, each with its frames. */
async function halfKept(field: Field): Promise<string[]> {
  const kept = await readJournal(field.stage)
  const acknowledged = new Set(field.said.filter(message => message.acknowledged).map(message => message.execution))
  const more = [...kept.keys()].filter(id => !acknowledged.has(id))
  const missing = [...acknowledged].filter(id => (kept.get(id)?.frames.length ?? 0) === 0)
  return [
    ...more.map(id => `${id} was refused and is kept`),
    ...missing.map(id => `${id} was acknowledged and is not kept`)
  ]
}
