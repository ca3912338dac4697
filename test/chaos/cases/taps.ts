import { openQuestion } from '../../../src/frames/approval.ts'
import { systemClock } from '../../../src/frames/clock.ts'
import { systemEntropy } from '../../../src/frames/entropy.ts'
import { type Execution, framesOf } from '../../../src/frames/execution.ts'
import { type Draft, type Frame, makeFrame } from '../../../src/frames/frame.ts'
import { noTail } from '../../../src/frames/tail.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Teardown } from '../field.ts'
import { openStores } from '../open-store.ts'
import { inTurns } from '../plan.ts'
import { openReplica, payloadFor, type Replica } from '../replica.ts'
import type { OnStore } from '../setting.ts'
import type { Report } from '../verdict.ts'

const atOnce = 8
const patienceMs = 60_000
const [ana, ours] = ['whatsapp:+15550001111', 'whatsapp:+15550002222']
const signal = new AbortController().signal

/**
 * D4: each of many questions is tapped twice at once, one tap at each of two replicas, and both replicas judge both taps whoever has
 * the lane: one tap approves, the other comes too late, and what was asked about is done once.
 */
export async function taps(t: Teardown, { cluster }: OnStore, questions = 1_000): Promise<Report> {
  const stores = await openStores(t, cluster?.uri)
  const done = new Map<string, number>()
  const replicas = stores.map(store => openReplica(t, store, name => done.set(name, (done.get(name) ?? 0) + 1)))
  for (const { worker } of replicas) worker.start()
  const races = Array.from({ length: questions }, (_, i) => () => raceFor(stores, replicas, i))
  const problems = (await inTurns(atOnce, races)).flat()
  const counts = Array.from({ length: questions }, (_, i) => done.get(nameOf(i)) ?? 0)
  const lost = counts.filter(times => times === 0).length
  return {
    case: `D4 ${questions} questions tapped twice at once`,
    struck: { others: questions },
    acknowledged: 3 * questions,
    ...{ lost, disordered: 0, rerun: 0, gaps: 0, fenced: 0, unknown: 0 },
    doubled: counts.filter(times => times > 1).length,
    remark: `${done.size} done`,
    problems: [...(lost > 0 ? [`${lost} approved and not done`] : []), ...problems]
  }
}

const nameOf = (turn: number) => `m${turn}`

async function raceFor(stores: readonly Store[], replicas: readonly Replica[], turn: number): Promise<string[]> {
  const [store] = stores as [Store]
  const asking = await accept(store, turn, 'text.received', `burn ${nameOf(turn)}`)
  const parked = await until(store, asking, ({ state }) => state === 'parked')
  const question = openQuestion(parked.frames)
  const posted = framesOf(parked.frames, 'prompt.posted')[0]
  if (question === undefined || posted === undefined) return [`${asking} does not ask`]
  const tapped = {
    button: { text: 'Approve', payload: payloadFor(question.data.hash) },
    repliedTo: posted.data.message
  }
  const both = await Promise.all(
    [0, 1].map(async i => {
      const at = stores[i % stores.length] ?? store
      const id = await accept(at, turn, 'button.tapped', 'Approve', tapped)
      // Whoever has the lane: an answer is a compare-and-set, and not the lane's order.
      await Promise.all(replicas.map(replica => judge(replica, at, id)))
      return id
    })
  )
  const ended = await until(store, asking, ({ state }) => state === 'done')
  const verdicts = await Promise.all(both.map(id => verdictOf(store, id)))
  const [decided, ...more] = framesOf(ended.frames, 'approval.decided')
  const started = framesOf(ended.frames, 'tool.started').length
  return [
    ...(verdicts.toSorted().join() === 'approved,refused' ? [] : [`${asking} was judged ${verdicts}`]),
    ...(more.length === 0 && both.includes(decided?.data.evidence ?? '')
      ? []
      : [`${asking} was decided ${more.length}`]),
    ...(started === 1 ? [] : [`${asking} was started ${started} times`])
  ]
}

async function judge({ engine }: Replica, store: Store, id: string): Promise<void> {
  const execution = await store.read(id)
  const [frame] = execution?.frames ?? []
  if (execution === null || frame === undefined) throw new Error(`${id} is not there`)
  await engine.processors.get('judge-evidence')?.run({ execution, frame, signal })
}

async function verdictOf(store: Store, id: string): Promise<string> {
  const { frames } = await until(store, id, ({ state }) => state === 'done')
  return framesOf(frames, 'evidence.judged')[0]?.data.verdict ?? 'not judged'
}

let made = 0

async function accept(
  store: Store,
  turn: number,
  kind: 'text.received' | 'button.tapped',
  text: string,
  more: object = {}
): Promise<string> {
  const [id, lane] = [`messaging:AC1:SM${++made}`, `lane-${turn}`]
  const data = {
    ...{ channel: 'messaging', account: 'AC1', message: `SM${made}`, from: ana, to: ours },
    ...{ text, media: [], forwarded: false, ...more }
  }
  const provenance = { origin: 'test', integrity: 'user_typed', confidentiality: 'user', ref: null } as const
  const parts = { clock: systemClock, entropy: systemEntropy }
  const frame = makeFrame(id, noTail, { kind, data, parent: null, provenance } as Draft, parts) as Frame
  await store.accept({ id, lane, tenant: 'AC1', principal: lane, frames: [frame], state: 'queued' })
  return id
}

async function until(store: Store, id: string, holds: (execution: Execution) => boolean): Promise<Execution> {
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    const execution = await store.read(id)
    if (execution !== null && holds(execution)) return execution
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const kinds = (await store.read(id))?.frames.map(({ kind }) => kind)
  throw new Error(`${id} does not come to rest: ${kinds}`)
}
