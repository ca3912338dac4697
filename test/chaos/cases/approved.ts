import { setTimeout as wait } from 'node:timers/promises'
import { framesOf } from '../../../src/frames/execution.ts'
import { inboundParams } from '../../../src/simulator/inbound-params.ts'
import { newSid } from '../../../src/simulator/twilio-messages.ts'
import { accountSid, ours, until } from '../../stage.ts'
import { type Field, type Said, type Served, setField, type Teardown } from '../field.ts'
import { type Kept, readJournal } from '../journal.ts'
import type { AskingPoint } from '../points.ts'
import type { Report } from '../verdict.ts'

/** What a person does when they are asked. */
const manners = ['approves', 'approves', 'refuses', 'says nothing'] as const
type Manner = (typeof manners)[number]

const patienceMs = 40_000
const lookEveryMs = 100

/**
 * Kills a server at each of the points that an approved call passes, one after the other, while people answer its questions: what was
 * approved is done once or is unknown and told, what was refused is never done, and what nobody answered goes on waiting.
 */
export async function approved(t: Teardown, points: readonly AskingPoint[], occurrence = 1): Promise<Report> {
  const field = await setField(t)
  const people = new Map<Said, Manner>()
  let died = 0
  for (const point of points) {
    const doomed = await field.serve({ CHAOS_POINT: point, CHAOS_OCCURRENCES: String(occurrence) })
    died += Number(await liveOn(field, doomed, people))
  }
  const server = await field.serve()
  await field.speak(server)
  for (let i = 0; i < 2; i++) {
    // A database without a primary takes no answer for a while, and nobody else sends it again.
    await until(() => answerAll(field, server, people), patienceMs)
    await field.quiet()
  }
  await server.kill('SIGTERM')
  return report(field, people, { points, died })
}

/** Lets people ask and answer until the server has died at its point; answers whether it did. */
async function liveOn(field: Field, server: Served, people: Map<Said, Manner>): Promise<boolean> {
  const patience = setTimeout(() => void server.kill('SIGTERM'), patienceMs)
  let isAlive = true
  void server.exited.then(() => {
    isAlive = false
  })
  for (const manner of manners) {
    const [said] = field.person(['burn'], { voice: false })
    if (said !== undefined) people.set(said, manner)
  }
  while (isAlive) {
    await field.speak(server)
    await answerAll(field, server, people)
    await wait(lookEveryMs)
  }
  clearTimeout(patience)
  return (await server.exited) === null
}

const answered = new WeakMap<Said, ReturnType<typeof inboundParams>>()

/** Everybody who was asked answers, always with the same message; answers whether all were taken. */
async function answerAll(field: Field, server: Served, people: ReadonlyMap<Said, Manner>): Promise<boolean> {
  let areTaken = true
  for (const [said, manner] of people) {
    const prompt = promptsTo(field, said)[0]
    if (prompt === undefined || manner === 'says nothing') continue
    const body = manner === 'refuses' ? 'No.' : (/\d{6}$/.exec(prompt)?.[0] ?? '')
    const params =
      answered.get(said) ??
      inboundParams({
        messageSid: newSid('SM'),
        accountSid,
        from: said.person,
        to: ours,
        body,
        profileName: 'Asha',
        media: []
      })
    answered.set(said, params)
    const taken = await field.stage
      .callerOf(said.person, server.url)
      .raw(params)
      .catch(() => ({ status: 0 }))
    areTaken &&= taken.status === 200
  }
  return areTaken
}

function promptsTo(field: Field, { person }: Said): string[] {
  return field.stage.read(person).filter(text => text.startsWith('🔐'))
}

async function report(
  field: Field,
  people: ReadonlyMap<Said, Manner>,
  { points, died }: { points: readonly AskingPoint[]; died: number }
): Promise<Report> {
  const kept = await readJournal(field.stage)
  const burnt = (name: string) => field.ledger.effects.filter(({ words }) => words === name).length
  const problems = [...people].flatMap(([said, manner]) => flawsOf(said, manner, kept.get(said.execution), burnt))
  const twice = [...people.keys()].filter(said => promptsTo(field, said).length > 1)
  const none = { disordered: 0, rerun: 0, gaps: 0 }
  return {
    case: `D4 kill -9 at ${points.join(', ')}`,
    struck: { kills: died },
    acknowledged: field.said.filter(({ acknowledged }) => acknowledged).length,
    lost: [...people.keys()].filter(said => said.acknowledged && !kept.has(said.execution)).length,
    doubled: [...people.keys()].filter(({ name }) => burnt(name) > 1).length + twice.length,
    ...none,
    fenced: field.fenced(),
    unknown: [...kept.values()].filter(({ state }) => state === 'unknown').length,
    remark: `${field.ledger.effects.length} done`,
    problems: [
      ...(died === points.length ? [] : [`${points.length - died} kills did not bite`]),
      ...twice.map(({ name }) => `${name} was asked twice`),
      ...problems
    ]
  }
}

function flawsOf(said: Said, manner: Manner, kept: Kept | undefined, burnt: (name: string) => number): string[] {
  const { name } = said
  const state = kept?.state
  const times = burnt(name)
  if (manner === 'refuses') {
    return state === 'done' && times === 0 ? [] : [`${name} refused: ${state}, done ${times} times`]
  }
  if (manner === 'says nothing') {
    return state === 'parked' && times === 0 ? [] : [`${name} said nothing: ${state}, done ${times} times`]
  }
  const told = framesOf(kept?.frames ?? [], 'reply.drafted').some(({ data }) => data.sentence === 'OUTCOME_UNKNOWN')
  if (state === 'unknown') return told && times <= 1 ? [] : [`${name} is unknown: told ${told}, done ${times} times`]
  return state === 'done' && times === 1 ? [] : [`${name} approved: ${state}, done ${times} times`]
}
