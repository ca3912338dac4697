import { setTimeout as wait } from 'node:timers/promises'
import { type Field, type Served, setField, type Teardown, type Wish } from '../field.ts'
import { readJournal } from '../journal.ts'
import type { Point } from '../points.ts'
import { talkUntil } from '../talk.ts'
import { judge, type Recorded, type Report, recordedSteps } from '../verdict.ts'

/** A kill to come: where, and at which passing of that point. */
export interface Kill {
  readonly point: Point
  readonly occurrence: number
}

/**
 * Kills servers round after round (one at a time, or several that share a database), each time in the middle of new conversations and
 * of what the round before left behind, and then lets one server end everything in peace.
 */
export async function kills(t: Teardown, rounds: readonly (readonly Kill[])[]): Promise<Report> {
  const field = await setField(t)
  const recorded: Recorded[] = []
  let died = 0
  for (const round of rounds) {
    died += await dieAt(field, round)
    recorded.push(await recordedSteps(field))
  }
  const server = await field.serve()
  await field.speak(server)
  await field.quiet()
  const undecided = await decideUnknown(field)
  await field.quiet()
  const code = await server.kill('SIGTERM')
  const planned = rounds.flat()
  const report = await judge(field, {
    case: `C1 kill -9 at ${planned.map(({ point }) => point).join(', ')}`,
    struck: { kills: died },
    recorded
  })
  const problems = [
    ...report.problems,
    ...(died === planned.length ? [] : [`${planned.length - died} kills did not bite`]),
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
const patienceMs = 40_000

/** Lets the servers of a round live until their points, with people who go on talking; answers how many were killed. */
async function dieAt(field: Field, round: readonly Kill[]): Promise<number> {
  const servers = await Promise.all(
    round.map(({ point, occurrence }, i) =>
      field.serve({ CHAOS_POINT: point, CHAOS_OCCURRENCES: String(occurrence) }, { beside: i > 0 })
    )
  )
  for (const kill of round) killFromOutside(field, servers, kill)
  const all = Promise.all(servers.map(server => server.exited))
  const patience = setTimeout(() => servers.forEach(server => void server.kill('SIGTERM')), patienceMs)
  await talkUntil(field, servers, conversations, { until: all })
  clearTimeout(patience)
  field.meddling.taken = () => {}
  field.meddling.posted = () => {}
  const codes = await Promise.all(servers.map(server => server.exited))
  return codes.filter(code => code === null).length
}

/** The two points that lie outside the process: the world has taken the effect, and kills all who may have asked for it before it answers. */
function killFromOutside(field: Field, servers: readonly Served[], { point, occurrence }: Kill): void {
  let left = occurrence
  const strike = () => {
    if (--left > 0) return
    return Promise.all(servers.map(server => server.kill('SIGKILL')))
  }
  if (point === 'reply-on-the-wire') field.meddling.taken = strike
  if (point === 'tool-on-the-wire') field.meddling.posted = strike
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
    const undecided = await retry(field, id, {})
    if (undecided.status !== 409) problems.push(`a retry without a word on ${name} was answered ${undecided.status}`)
    const decided = await retry(field, id, { effect: happened ? 'happened' : 'did not happen' })
    // One that was answered 503 may have been made: then the next is refused, and whether it was made shows in how it ends.
    const isFine = decided.status === 200 || (decided.times > 1 && decided.status === 409)
    if (!isFine) problems.push(`the retry of ${name} was answered ${decided.status}`)
  }
  return problems
}

/** Asks for a retry as an operator does: once more, while the database has no primary and the answer is 503. */
async function retry(field: Field, id: string, body: object): Promise<{ status: number; times: number }> {
  const deadline = performance.now() + patienceMs
  for (let times = 1; ; times++) {
    const { status } = await field.stage.api(`/api/inbox/${id}/retry`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    if (status !== 503 || performance.now() > deadline) return { status, times }
    await wait(500)
  }
}
