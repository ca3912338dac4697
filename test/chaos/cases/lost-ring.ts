import { setTimeout as wait } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { until } from '../../stage.ts'
import { type Field, type Said, setField } from '../field.ts'
import type { Play } from '../setting.ts'
import { judge } from '../verdict.ts'

const bySweepMs = 35_000
const byPollMs = 5_000
const crashes = 6
const cuts = 5

/** C15: a receiver dies between keeping a message and ringing its lane: the sweep of a worker finds it. */
export const lostRing: Play = async t => {
  const field = await setField(t)
  const worker = await field.serve({}, { beside: true })
  const unrung: { message: Said; at: number }[] = []
  const answeredAt = new Map<string, number>()
  field.meddling.taken = ({ to }) => void answeredAt.set(to, performance.now())
  let killed = 0
  for (let i = 0; i < crashes; i++) {
    const receiver = await field.serve({ WORKER_CONCURRENCY: '0', CHAOS_POINT: 'accept-committed' })
    const [message] = field.person(['plain'], { voice: false })
    if (message === undefined) continue
    void field.post(message, receiver)
    if ((await receiver.exited) === null) killed += 1
    const at = performance.now()
    if (await isForgotten(field, message)) unrung.push({ message, at })
  }
  await field.quiet(3 * bySweepMs)
  const waits = unrung.map(({ message, at }) => (answeredAt.get(message.person) ?? Number.POSITIVE_INFINITY) - at)
  await worker.kill('SIGTERM')
  const slowest = Math.max(...waits)
  const report = await judge(field, {
    case: 'C15 killed between the insert and the ring',
    struck: { kills: unrung.length > 0 ? killed : 0 },
    remark: `${unrung.length} rings lost, found after at most ${(slowest / 1_000).toFixed(1)} s`
  })
  const problems = waits.filter(ms => ms > bySweepMs).map(ms => `found after ${(ms / 1_000).toFixed(1)} s`)
  return { ...report, problems: [...report.problems, ...problems] }
}

/** C15: the change streams are killed while messages come in: a worker that hears of nothing finds them by looking. */
export const deafWorker: Play = async t => {
  const field = await setField(t)
  const worker = await field.serve({}, { beside: true })
  const receiver = await field.serve({ WORKER_CONCURRENCY: '0' })
  let deafened = 0
  const waits: number[] = []
  for (let i = 0; i < cuts; i++) {
    await wait(500)
    const [message] = field.person(['plain'], { voice: false })
    if (message === undefined) continue
    deafened += await killChangeStreams(field)
    await field.speak(receiver, [message])
    const at = performance.now()
    await until(() => field.stage.read(message.person).length > 0, 2 * byPollMs).catch(() => {})
    waits.push(performance.now() - at)
  }
  await field.quiet()
  await Promise.all([worker.kill('SIGTERM'), receiver.kill('SIGTERM')])
  const report = await judge(field, {
    case: 'C15 change streams killed',
    struck: { others: deafened },
    remark: `answered after at most ${(Math.max(...waits) / 1_000).toFixed(1)} s`
  })
  const problems = waits.filter(ms => ms > byPollMs).map(ms => `answered after ${(ms / 1_000).toFixed(1)} s`)
  return { ...report, problems: [...report.problems, ...problems] }
}

/** Whether a message is kept and nobody was told of its lane. */
function isForgotten(field: Field, message: Said): Promise<boolean> {
  return visit(field, async client => {
    const db = client.db()
    const kept = await db.collection<{ _id: string; lane: string }>('executions').findOne({ _id: message.execution })
    if (kept === null) return false
    const lane = await db.collection<{ _id: string }>('lanes').findOne({ _id: kept.lane, bell: { $exists: true } })
    return lane === null
  })
}

/** Kills every change stream of the stage's database, and says how many there were. */
function killChangeStreams(field: Field): Promise<number> {
  return visit(field, async client => {
    const db = client.db()
    const open = client
      .db('admin')
      .aggregate([
        { $currentOp: { allUsers: true, idleCursors: true } },
        { $match: { ns: `${db.databaseName}.lanes`, 'cursor.tailable': true } }
      ])
    const cursors = (await open.toArray()).map(({ cursor }) => cursor.cursorId)
    if (cursors.length > 0) await db.command({ killCursors: 'lanes', cursors })
    return cursors.length
  })
}

async function visit<T>(field: Field, look: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(field.stage.env.MONGODB_URI ?? '')
  return look(client).finally(() => client.close())
}
