import { setTimeout as wait } from 'node:timers/promises'
import { message, question, step } from '../../store/builders.ts'
import { type Field, setField, type Teardown } from '../field.ts'
import { type Kept, readJournal } from '../journal.ts'
import { openStoreOf } from '../open-store.ts'
import type { Point } from '../points.ts'
import { talkUntil } from '../talk.ts'
import type { Report } from '../verdict.ts'

const retentionMs = 500
const deaths: readonly Point[] = ['tool-started', 'finishing', 'reply-taken', 'finished', 'claimed']
const openStates: ReadonlySet<string> = new Set(['queued', 'running', 'parked'])

/** C20: with a retention of a moment, and under kills, nothing that is open or parked is purged, and a purged message is refused when it comes again. */
export async function retention(t: Teardown): Promise<Report> {
  const field = await setField(t, { CHAOS_RETENTION_MS: String(retentionMs) })
  const parked = await parkOne(field)
  let killed = 0
  const seen: string[] = []
  for (const point of deaths) {
    const server = await field.serve({ CHAOS_POINT: point, CHAOS_OCCURRENCES: '3' })
    await talkUntil(
      field,
      [server],
      [
        ['bell', 'plain'],
        ['plain', 'note']
      ],
      { until: server.exited }
    )
    if ((await server.exited) === null) killed += 1
    seen.push(...brokenOpenOnes(await readJournal(field.stage)))
  }
  const server = await field.serve()
  await field.speak(server)
  await field.quiet()
  await wait(4 * retentionMs)
  const kept = await readJournal(field.stage)
  const purged = field.said.filter(({ execution }) => kept.get(execution)?.frames.length === 0)
  const sent = field.stage.twilio.messages.length
  const repeats = await Promise.all(purged.map(each => field.post(each)))
  await wait(2 * retentionMs)
  await field.quiet()
  await server.kill('SIGTERM')
  const bells = Map.groupBy(
    field.ledger.effects.filter(({ tool }) => tool === 'ring_bell'),
    ({ words }) => words
  )
  const doubled = [...bells.values()].filter(rung => rung.length > 1).length
  const lost = field.said.filter(({ acknowledged, execution }) => acknowledged && !kept.has(execution))
  return {
    case: 'C20 a retention of a moment under kills',
    struck: { kills: killed },
    acknowledged: field.said.filter(({ acknowledged }) => acknowledged).length,
    lost: lost.length,
    doubled,
    ...{ disordered: 0, rerun: 0, gaps: seen.length, fenced: field.fenced(), unknown: 0 },
    remark: `${purged.length} purged`,
    problems: [
      ...seen,
      ...lost.map(({ name }) => `${name} was acknowledged and is not in the store`),
      ...(doubled > 0 ? [`${doubled} bells rang twice`] : []),
      ...(purged.length > 0 ? [] : ['nothing was purged']),
      ...(killed === deaths.length ? [] : [`${deaths.length - killed} kills did not bite`]),
      ...(repeats.every(status => status === 200) ? [] : ['a repeat of a purged message was not answered 200']),
      ...(field.stage.twilio.messages.length === sent ? [] : ['a purged message was answered again']),
      ...(kept.get(parked)?.state === 'parked' && kept.get(parked)?.frames.length === 2
        ? []
        : ['what was parked is gone'])
    ]
  }
}

/** An execution that waits for a person, from before the first server: of a tenant of its own, so that nobody works it. */
async function parkOne(field: Field): Promise<string> {
  const { env, dataDir: dir } = field.stage
  const store = await openStoreOf({ uri: env.MONGODB_URI, dir })
  try {
    const id = 'parked'
    await store.accept(message({ id, lane: id, tenant: id }))
    const claim = await store.claim({ tenants: [id], owner: id, leaseMs: 60_000 })
    if (claim === null) throw new Error('nothing is there to be parked')
    const approval = question(Date.now() + 3_600_000)
    const parking = { frames: [step(claim.execution)], approval, timerAt: approval.expiresAt, takeNext: false }
    await store.park(claim.lease, id, parking)
    return id
  } finally {
    await store.close()
  }
}

/** Open executions whose frames are not all there. */
function brokenOpenOnes(kept: ReadonlyMap<string, Kept>): string[] {
  return [...kept.values()]
    .filter(({ state, n, frames }) => openStates.has(state) && frames.length !== n)
    .map(({ id, state }) => `${id} is ${state} and was purged`)
}
