import type { ServerProcess } from '../../stage.ts'
import { type Field, setField, type Teardown, type Wish } from '../field.ts'
import { readJournal } from '../journal.ts'
import { bite, type Point } from '../points.ts'
import { judge, type Recorded, type Report, recordedSteps } from '../verdict.ts'

/** A kill to come: where, and at which passing of that point. */
export interface Kill {
  readonly point: Point
  readonly occurrence: number
}

/**
 * Kills the server once after the other, each time in the middle of new conversations and of what the kill before left behind,
 * and then lets it end everything in peace.
 */
export async function kills(t: Teardown, plan: readonly Kill[]): Promise<Report> {
  const field = await setField(t)
  const recorded: Recorded[] = []
  let died = 0
  for (const kill of plan) {
    for (const wishes of conversations) field.person(wishes)
    if (await dieAt(field, kill)) died += 1
    recorded.push(await recordedSteps(field))
  }
  const server = await field.serve()
  await field.speak(server)
  await field.quiet()
  const undecided = await decideUnknown(field)
  await field.quiet()
  const code = await server.kill('SIGTERM')
  const report = await judge(field, {
    case: `kill -9 ${plan.map(({ point }) => point).join(', ')}`,
    faults: died,
    recorded
  })
  const missed = died === plan.length ? [] : [`${plan.length - died} kills did not bite`]
  const problems = [
    ...report.problems,
    ...missed,
    ...undecided,
    ...(code === 0 ? [] : [`the last server left with ${code}`])
  ]
  return { ...report, problems }
}

const conversations: readonly (readonly Wish[])[] = [
  ['bell', 'long', 'plain'],
  ['long', 'note', 'bell'],
  ['note', 'plain', 'bell']
]

/** Lets the server live until the point; answers whether it died there and of that. */
async function dieAt(field: Field, { point, occurrence }: Kill): Promise<boolean> {
  const server = await field.serve({ CHAOS_POINT: point, CHAOS_OCCURRENCE: String(occurrence) })
  const killed = killFromOutside(field, server, { point, occurrence })
  const speaking = field.speak(server)
  const deadline = setTimeout(() => server.kill('SIGTERM'), patienceMs)
  const code = await server.exited
  clearTimeout(deadline)
  await speaking
  field.meddling.taken = () => {}
  field.meddling.posted = () => {}
  return code === null && (killed() || server.output().includes(`${bite} ${point}`))
}

const patienceMs = 20_000

/** The two points that lie outside the process: the world has taken the effect, and kills who asked for it before it answers. */
function killFromOutside(field: Field, server: ServerProcess, { point, occurrence }: Kill): () => boolean {
  let left = occurrence
  let killed = false
  const strike = () => {
    if (--left > 0) return
    killed = true
    return server.kill('SIGKILL')
  }
  if (point === 'reply-on-the-wire') field.meddling.taken = strike
  if (point === 'tool-on-the-wire') field.meddling.posted = strike
  return () => killed
}

/** Says of each unknown outcome what the ledger knows; answers what was not as promised. */
async function decideUnknown(field: Field): Promise<string[]> {
  const unknown = [...(await readJournal(field.stage)).values()].filter(({ state }) => state === 'unknown')
  const problems: string[] = []
  for (const { id, frames } of unknown) {
    const name = field.said.find(message => message.execution === id)?.name
    const told = frames.some(frame => frame.kind === 'reply.drafted' && frame.data.sentence === 'OUTCOME_UNKNOWN')
    if (!told) problems.push(`${name} was not told that the outcome is unknown`)
    const happened = field.ledger.effects.some(effect => effect.tool === 'ring_bell' && effect.words === name)
    const retry = (body: object) =>
      field.stage.api(`/api/inbox/${id}/retry`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body)
      })
    const undecided = await retry({})
    if (undecided.status !== 409) problems.push(`a retry without a word on ${name} was answered ${undecided.status}`)
    const decided = await retry({ effect: happened ? 'happened' : 'did not happen' })
    if (decided.status !== 200) problems.push(`the retry of ${name} was answered ${decided.status}`)
  }
  return problems
}
