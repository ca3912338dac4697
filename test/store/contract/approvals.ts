import { message, remark, step, tail } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { claim, day, done, hour, minute, parked, work } from './moves.ts'

/** Executions that wait for a person, and those that an operator sends back. */
export function approvals(test: Suite): void {
  test('a parked execution frees its lane, and is decided exactly once of 50 times', async (t, { store, clock }) => {
    const { first, approval } = await parked({ store, clock })
    t.match(await store.read(first), { state: 'parked', token: null })
    t.match(await store.depth(), { queued: 0, running: 1, parked: 1 })
    const waiting = (await store.read(first))!
    const decisions = Array.from({ length: 50 }, () =>
      store.decide(first, step(waiting), { id: approval.id, state: 'approved' })
    )
    t.equal((await Promise.all(decisions)).filter(Boolean).length, 1)
    const decided = (await store.read(first))!
    t.match(decided, { state: 'queued', n: waiting.n + 1 })
    const expiry = { id: approval.id, state: 'expired' }
    t.equal(await store.decide(first, step(decided), expiry), false, 'an expiry comes too late')
    clock.advance(day)
    t.strictSame(await store.due(10), [])
  })

  test('a decision needs the right question and the right position', async (t, { store, clock }) => {
    const { first, approval } = await parked({ store, clock })
    const waiting = (await store.read(first))!
    t.equal(await store.decide(first, step(waiting), { id: 'another', state: 'approved' }), false)
    await store.note(first, remark(waiting))
    t.equal(await store.decide(first, step(waiting), { id: approval.id, state: 'approved' }), false)
    const noted = (await store.read(first))!
    t.equal(await store.decide(first, step(noted), { id: approval.id, state: 'approved' }), true)
  })

  test('a decided execution goes to the end of its lane', async (t, { store, clock }) => {
    const { first, second, lease, approval } = await parked({ store, clock })
    const third = message()
    await store.accept(third)
    await store.decide(first, step((await store.read(first))!), { id: approval.id, state: 'denied' })
    const { next } = await store.finish(lease, second, { ...done, takeNext: true })
    t.equal(next?.id, third.id)
    const after = await store.finish(lease, third.id, { ...done, takeNext: true })
    t.equal(after.next?.id, first)
    t.equal(after.next?.claims, 1)
  })

  test('a decision rings an idle lane', async (t, { store, clock }) => {
    const { first, second, lease, approval } = await parked({ store, clock })
    await store.finish(lease, second, { ...done, takeNext: true })
    t.equal(await claim(store), null)
    await store.decide(first, step((await store.read(first))!), { id: approval.id, state: 'approved' })
    t.equal((await claim(store))?.execution.id, first)
  })

  test('a decision and an expiry at the same time leave one frame', async (t, { store, clock }) => {
    for (let round = 0; round < 20; round++) {
      const { first, approval } = await parked({ store, clock }, `lane-${round}`)
      const waiting = (await store.read(first))!
      const race = await Promise.all(
        ['approved', 'expired'].map(state => store.decide(first, step(waiting), { id: approval.id, state }))
      )
      t.equal(race.filter(Boolean).length, 1)
      t.equal((await store.read(first))?.n, waiting.n + 1)
    }
  })

  test('a timer is due when the clock has passed it, oldest first, and not before', async (t, { store, clock }) => {
    const late = await parked({ store, clock }, 'late', 2 * hour)
    const early = await parked({ store, clock }, 'early', hour)
    clock.advance(hour - minute)
    t.strictSame(await store.due(10), [])
    clock.advance(2 * minute)
    t.strictSame(
      (await store.due(10)).map(one => one.id),
      [early.first]
    )
    clock.advance(hour)
    const due = await store.due(10)
    t.strictSame(
      due.map(one => one.id),
      [early.first, late.first]
    )
    t.equal(due[0]?.frames.length, 2)
    t.equal((await store.due(1)).length, 1)
  })

  test('a bad end is reopened once, at the end of the lane; a good one is not', async (t, { store }) => {
    for (const state of ['dead', 'unknown', 'cancelled', 'refused', 'done'] as const) {
      await store.accept(message({ id: state, lane: state }))
      const { lease, execution } = (await claim(store))!
      t.equal(await store.reopen(state, step(execution)), false, 'not while it runs')
      await store.finish(lease, state, { ...done, state, takeNext: false })
      const later = message({ lane: state })
      await store.accept(later)
      t.equal(await store.reopen(state, step(tail(execution), 'x')), state !== 'done')
      t.equal(await store.reopen(state, step((await store.read(state))!)), false, 'not twice')
      const order = state === 'done' ? [later.id] : [later.id, state]
      t.strictSame(await work(store), order)
    }
    t.equal(await store.reopen('dead', step({ n: 9, hash: '' }, 'dead')), false, 'not at another position')
  })
}
