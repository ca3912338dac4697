import { setTimeout as wait } from 'node:timers/promises'
import type { Store } from '../../../src/store/store.ts'
import { message, question, step } from '../../store/builders.ts'
import type { Teardown } from '../field.ts'
import { openStores, type Stores } from '../open-store.ts'
import { inTurns } from '../plan.ts'
import type { OnStore } from '../setting.ts'
import type { Report } from '../verdict.ts'

const atOnce = 8
const leaseMs = 60_000
const patienceMs = 30_000
const outcomes = ['approved', 'approved', 'expired'] as const

/** C16: each of many questions is approved twice and expires at the same time, over two openings of the store: it is decided once, and not again when it is done. */
export async function decisions(t: Teardown, { cluster }: OnStore, questions = 1_000): Promise<Report> {
  const stores = await openStores(t, cluster?.uri)
  const [store] = stores
  const results = await inTurns(
    atOnce,
    Array.from({ length: questions }, (_, i) => () => raceFor(stores, i))
  )
  const depth = await store.depth()
  const raced = results.filter(({ agreed }) => agreed === 1).length
  const none = { lost: 0, disordered: 0, rerun: 0, fenced: 0, unknown: 0 }
  return {
    case: `C16 ${questions} approvals against expiries and themselves`,
    struck: { others: questions },
    acknowledged: questions,
    ...none,
    doubled: results.filter(({ agreed, frames }) => agreed > 1 || frames > 1).length,
    gaps: 0,
    remark: `${results.filter(({ expired }) => expired).length} expired`,
    problems: [
      ...(raced === questions ? [] : [`${questions - raced} questions were not decided exactly once`]),
      ...results.flatMap(({ problems }) => problems),
      ...(depth.queued + depth.running + depth.parked === 0 ? [] : [`left behind: ${JSON.stringify(depth)}`])
    ]
  }
}

/** Parks one execution, lets everybody decide it at once, ends it, and lets one more decide it. */
async function raceFor(stores: Stores, turn: number) {
  const lane = `lane-${turn}`
  const [store] = stores
  const { id } = message()
  const one = message({ id: `${lane}-${id}`, lane, tenant: lane })
  await store.accept(one)
  const taken = await claimOf(store, lane)
  const approval = question(Date.now() + leaseMs)
  const parking = { frames: [step(taken.execution)], approval, timerAt: approval.expiresAt, takeNext: false }
  await store.park(taken.lease, one.id, parking)
  const parked = (await store.read(one.id)) ?? taken.execution
  const order = outcomes.map((_, i) => outcomes[(i + turn) % outcomes.length] ?? 'expired')
  const decided = await Promise.all(
    order.map((state, i) => (stores[i % 2] ?? store).decide(one.id, step(parked), { id: approval.id, state }))
  )
  const after = await store.read(one.id)
  const again = await claimOf(store, lane)
  const end = { state: 'done', frames: [step(again.execution)], takeNext: false, purgeAt: null } as const
  await store.finish(again.lease, one.id, end)
  const done = (await store.read(one.id)) ?? again.execution
  const late = await store.decide(one.id, step(done), { id: approval.id, state: 'approved' })
  return {
    agreed: decided.filter(Boolean).length,
    expired: order[decided.indexOf(true)] === 'expired',
    frames: (after?.n ?? 0) - parked.n,
    problems: [
      ...(late ? [`${one.id} was decided after it was done`] : []),
      ...(done.state === 'done' && done.n === 4 ? [] : [`${one.id} is ${done.state} with ${done.n} frames`])
    ]
  }
}

/** Whoever parked a question lets go of its lane a little later: until then nothing is due, and a worker would look again. */
async function claimOf(store: Store, tenant: string) {
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    const claim = await store.claim({ tenants: [tenant], owner: 'decisions', leaseMs })
    if (claim !== null) return claim
    await wait(20)
  }
  throw new Error(`nothing came due in ${tenant}`)
}
