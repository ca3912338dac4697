import type { Claim, Store } from '../../../src/store/store.ts'
import { message, question, step } from '../builders.ts'
import type { OpenedStore } from '../contract.ts'

export const second = 1_000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour
export const leaseMs = 15 * second

export const done = { state: 'done', frames: [], purgeAt: null } as const
export const refused = { ended: false, next: null }
export const ended = { ended: true, next: null }

export function claim(store: Store): Promise<Claim | null> {
  return store.claim({ tenants: ['tenant-1'], owner: 'test', leaseMs })
}

export async function end(store: Store, { lease, execution }: Claim): Promise<void> {
  await store.finish(lease, execution.id, { ...done, takeNext: false })
}

/** Works everything that is due, and answers the ids in the order in which they were worked. */
export async function work(store: Store): Promise<string[]> {
  const worked: string[] = []
  for (let taken = await claim(store); taken !== null; taken = await claim(store)) {
    worked.push(taken.execution.id)
    await end(store, taken)
  }
  return worked
}

export async function acceptAll(store: Store, count: number) {
  const messages = Array.from({ length: count }, () => message())
  for (const one of messages) await store.accept(one)
  return messages
}

/** Two messages of a lane: the first waits for a person, the second runs under the same lease. */
export async function parked({ store, clock }: Pick<OpenedStore, 'store' | 'clock'>, lane = 'lane-1', after = hour) {
  const [one, two] = [message({ lane }), message({ lane })]
  await store.accept(one)
  await store.accept(two)
  const { lease, execution } = (await claim(store))!
  const timerAt = clock.now() + after
  const approval = question(timerAt)
  const parking = { frames: [step(execution)], approval, timerAt, takeNext: true }
  const { next } = await store.park(lease, one.id, parking)
  if (next?.id !== two.id) throw new Error('the next message should run while the first one waits')
  return { first: one.id, second: two.id, lease, approval }
}
