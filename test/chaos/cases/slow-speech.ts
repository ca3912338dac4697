import { setTimeout as wait } from 'node:timers/promises'
import { framesOf } from '../../../src/frames/execution.ts'
import type { Kind } from '../../../src/frames/kinds.ts'
import { setField, type Teardown } from '../field.ts'
import { type Kept, readJournal } from '../journal.ts'
import type { Setting } from '../setting.ts'
import { judge, type Report } from '../verdict.ts'

/** Several heartbeats late are not a lease: beside other cases the machine may stand still for seconds. */
const leaseSeconds = 6

/**
 * A transcription that takes many leases: the heartbeat keeps the lane, one call is made, and others do not wait. Where the database
 * is tormented meanwhile, no heartbeat may reach it for a lease: then the lane is lost, and the next holder hears the note again.
 */
export async function slowSpeech(
  t: Teardown,
  { isTormented }: Pick<Setting, 'isTormented'>,
  leases: number
): Promise<Report> {
  const field = await setField(t, { LEASE_SECONDS: String(leaseSeconds) })
  const [slow] = field.person(['note', 'plain'], { voice: true })
  const quick = field.person(['plain', 'plain'], { voice: true })
  field.meddling.heard = name => (name === slow?.name ? wait(leases * leaseSeconds * 1_000) : undefined)
  const server = await field.serve()
  await field.speak(server)
  // Where the lane is lost, the note is heard once more, and that may be lost as well.
  await field.quiet(5 * leases * leaseSeconds * 1_000)
  await server.kill('SIGTERM')
  const report = await judge(field, { case: `C12 speech that takes ${leases} leases`, struck: { others: 1 } })
  const kept = await readJournal(field.stage)
  const again = [...field.calls()].filter(([key, count]) => key.startsWith('heard:') && count !== 1).length
  const heardAt = timeOf(kept.get(slow?.execution ?? ''), 'speech.transcribed')
  const waited = quick.filter(({ execution }) => !(timeOf(kept.get(execution), 'reply.sent') < heardAt)).length
  const problems = [
    ...(again > 0 && !isTormented ? [`${again} voice notes were not heard exactly once`] : []),
    ...(waited > 0 ? [`${waited} messages of somebody else had to wait`] : [])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

/**
 * A transcription that never answers: it is given up after its two minutes, the person is told that it takes longer, and the next
 * try answers; where none does, the person is told after a quarter of an hour that it failed. Where the database is tormented meanwhile, the
 * lane may be lost before the delay is told: it is told at most once.
 */
export async function hungSpeech(
  t: Teardown,
  { isTormented }: Pick<Setting, 'isTormented'>,
  forEver: boolean
): Promise<Report> {
  const field = await setField(t)
  field.person(['plain', 'plain'], { voice: true })
  field.stage.openai.failNext({ on: 'transcription', hang: true, times: forEver ? 100 : 1 })
  const server = await field.serve()
  await field.speak(server)
  await field.quiet(40 * 60_000)
  await server.kill('SIGTERM')
  const name = forEver ? 'C12 speech that never comes' : 'C12 speech that hangs once'
  const report = await judge(field, { case: name, struck: { others: 1 }, ends: () => (forEver ? 'dead' : 'done') })
  const frames = [...(await readJournal(field.stage)).values()].flatMap(kept => kept.frames)
  const told = framesOf(frames, 'delay.announced').length
  const wanted = forEver ? 2 : 1
  const isRight = isTormented ? told <= wanted : told === wanted
  const problems = isRight ? [] : [`the delay was announced ${told} times`]
  return { ...report, problems: [...report.problems, ...problems] }
}

function timeOf(kept: Kept | undefined, kind: Kind): number {
  return Date.parse(kept?.frames.find(frame => frame.kind === kind)?.at ?? '')
}
