import { message, question, remark, step, tail, told } from '../builders.ts'
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

  test('what is told of a question and of its answer is kept with them', async (t, { store, clock }) => {
    const asking = message()
    await store.accept(asking)
    const { lease, execution } = (await claim(store))!
    const [intent, asked, decided] = [told({ outcome: null }), told(), told({ action: 'approval.decide' })]
    const approval = question(clock.now() + hour)
    const extras = { refs: ['SM-prompt'], audit: { intents: [intent], outcomes: [asked] } }
    const parking = { frames: [step(execution)], approval, timerAt: approval.expiresAt, takeNext: false, extras }
    await store.park(lease, asking.id, parking)
    t.equal(await store.find('SM-prompt'), asking.id)
    const waiting = (await store.read(asking.id))!
    await store.decide(asking.id, step(waiting), { id: approval.id, state: 'denied' }, [decided])
    await store.decide(asking.id, step(waiting), { id: approval.id, state: 'denied' }, [told()])
    const { records } = await store.auditPage({ tenants: ['tenant-1'], limit: 10 })
    t.strictSame(records.map(({ id }) => id).toSorted(), [intent, asked, decided].map(({ id }) => id).toSorted())
  })

  test('what has not ended in a lane is shown: at work, waiting, and asking; oldest first', async (t, {
    store,
    clock
  }) => {
    const { first, second, lease } = await parked({ store, clock })
    const [third, other] = [message(), message({ lane: 'another' })]
    await store.accept(third)
    await store.accept(other)
    const shown = async () => (await store.unsettled('lane-1')).map(({ id, state }) => [id, state])
    const [asking, waiting] = [
      [first, 'parked'],
      [third.id, 'queued']
    ]
    t.strictSame(await shown(), [asking, [second, 'running'], waiting])
    await store.finish(lease, second, { ...done, takeNext: false })
    t.strictSame(await shown(), [asking, waiting])
    t.equal((await store.unsettled('lane-1'))[0]?.frames.length, 2)
  })

  test('questions are listed newest first, page by page, and those that wait alone', async (t, { store, clock }) => {
    const moves = []
    for (const lane of ['a', 'b', 'c']) moves.unshift(await parked({ store, clock }, lane))
    const asked = moves.map(({ first }) => first)
    const [newest, middle, oldest] = asked as [string, string, string]
    const of = { tenants: ['tenant-1'], limit: 2 }
    const idsOf = (page: { executions: { id: string }[] }) => page.executions.map(({ id }) => id)
    const all = await store.questions({ ...of, pending: false })
    t.strictSame(idsOf(all), [newest, middle])
    t.ok(all.next)
    const rest = await store.questions({ ...of, pending: false, after: all.next! })
    t.strictSame([idsOf(rest), rest.next], [[oldest], null])
    const waiting = (await store.read(middle))!
    await store.decide(middle, step(waiting), { id: moves[1]!.approval.id, state: 'approved' })
    t.strictSame(idsOf(await store.questions({ ...of, pending: true })), [newest, oldest])
    t.strictSame(idsOf(await store.questions({ ...of, limit: 10, pending: false })), asked)
    t.strictSame(idsOf(await store.questions({ ...of, tenants: ['another'], pending: false })), [])
    await t.rejects(store.questions({ ...of, pending: false, after: 'x' }), { code: 'QUERY_INVALID' })
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

  test('what nobody works on is cancelled, with what is told of it, and purged at its time', async (t, opened) => {
    const { store, clock } = opened
    const { first, second, lease, approval } = await parked(opened)
    const waiting = message()
    await store.accept(waiting)
    const purgeAt = clock.now() + hour
    t.equal(await store.cancel(second, [], { purgeAt }), false, 'not while it runs')
    const asking = (await store.read(first))!
    t.equal(await store.cancel(first, [step({ n: 9, hash: '' }, first)], { purgeAt }), false, 'not at another position')
    const cancelled = told()
    t.equal(await store.cancel(first, [step(asking)], { purgeAt, audit: [cancelled] }), true)
    t.equal(await store.cancel(first, [], { purgeAt }), false, 'not twice')
    t.equal(await store.decide(first, step((await store.read(first))!), { id: approval.id, state: 'approved' }), false)
    t.match(await store.questions({ tenants: ['tenant-1'], pending: true, limit: 10 }), { executions: [] })
    t.match(await store.auditPage({ tenants: ['tenant-1'], limit: 10 }), { records: [{ id: cancelled.id }] })
    t.equal(await store.cancel(waiting.id, [], { purgeAt }), true)
    await store.finish(lease, second, { ...done, takeNext: false })
    t.equal(await claim(store), null, 'nothing is left to work')
    t.equal((await store.read(waiting.id))!.state, 'cancelled')
    clock.advance(2 * hour)
    t.match(await store.due(10), [])
    t.match(await store.sweep(), { purged: 2 })
  })
}
