import { setTimeout as wait } from 'node:timers/promises'
import type { Store } from '../../../src/store/store.ts'
import { message, question, step } from '../../store/builders.ts'
import { type Field, setField } from '../field.ts'
import { openStoreOf } from '../open-store.ts'
import { bite } from '../points.ts'
import type { Play } from '../setting.ts'
import { judge } from '../verdict.ts'

const hourMs = 3_600_000
const jumpEveryMs = 700
const leaseSeconds = 4
const thoughtMs = 1_500 * leaseSeconds
const timerMs = 3_000
const timerSlackMs = 2_000

/**
 * C4: one worker's clock is an hour ahead and the other's an hour behind, and both jump while thoughts outlast a lease and a provider
 * fails: nobody steals, nobody starves, and timers go by the server's time.
 */
export const wrongClocks: Play = async t => {
  const field = await setField(t, { LEASE_SECONDS: String(leaseSeconds) })
  field.meddling.thought = () => wait(thoughtMs)
  const jumping = { CHAOS_JUMP_MS: String(jumpEveryMs) }
  const ahead = await field.serve({ ...jumping, CHAOS_CLOCK_MS: `${hourMs},0,${-hourMs}` })
  const behind = await field.serve({ ...jumping, CHAOS_CLOCK_MS: `${-hourMs},${hourMs}` }, { beside: true })
  const servers = [ahead, behind]
  field.stage.openai.failNext({ on: 'responses', status: 503, times: 3 })
  for (let i = 0; i < 4; i++) field.person(['bell', 'plain'], { voice: false })
  await field.speak(servers)
  const timer = await timerError(field)
  await field.quiet()
  const codes = await Promise.all(servers.map(server => server.kill('SIGTERM')))
  const jumps = servers.flatMap(server => server.output().match(new RegExp(`${bite} a jump`, 'g')) ?? []).length
  const report = await judge(field, {
    case: 'C4 clocks an hour ahead and behind, and jumping',
    struck: { others: jumps },
    remark: `${jumps} jumps; a timer was due ${(timer / 1_000).toFixed(1)} s late`
  })
  const again = [...field.calls()].filter(([key, count]) => key.startsWith('turn:') && count > 1).length
  const problems = [
    ...(again > 0 ? [`${again} turns were asked for twice: a lease was stolen`] : []),
    ...(Math.abs(timer) <= timerSlackMs ? [] : ['a timer did not go by the time of the server']),
    ...(codes.every(code => code === 0) ? [] : [`the servers left with ${codes}`])
  ]
  return { ...report, problems: [...report.problems, ...problems] }
}

/** How late a timer is due (ms) that a store with a clock an hour ahead sets and one with a clock an hour behind looks at. */
async function timerError({ stage }: Field): Promise<number> {
  const ground = { uri: stage.env.MONGODB_URI, dir: stage.dataDir }
  const clockOf = (offset: number) => ({ now: () => Date.now() + offset, monotonic: () => performance.now() })
  const [ahead, behind] = await Promise.all([hourMs, -hourMs].map(offset => openStoreOf(ground, clockOf(offset))))
  try {
    const began = performance.now()
    await parkFor(ahead as Store, Date.now() + hourMs + timerMs)
    while ((await behind?.due(1))?.length === 0) await wait(50)
    return performance.now() - began - timerMs
  } finally {
    await Promise.all([ahead?.close(), behind?.close()])
  }
}

async function parkFor(store: Store, timerAt: number): Promise<void> {
  const id = 'timer'
  await store.accept(message({ id, lane: id, tenant: id }))
  const claim = await store.claim({ tenants: [id], owner: id, leaseMs: 60_000 })
  if (claim === null) throw new Error('nothing is there to be parked')
  const parking = { frames: [step(claim.execution)], approval: question(timerAt), timerAt, takeNext: false }
  await store.park(claim.lease, id, parking)
}
