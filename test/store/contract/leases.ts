import { message, question, remark, step } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { acceptAll, claim, done, hour, leaseMs, minute, refused, second } from './moves.ts'

/** Who may work on a lane, and until when. */
export function leases(test: Suite): void {
  test('the holder of a lease that was taken over can do nothing any more', async (t, { store, clock }) => {
    await store.accept(message())
    const old = (await claim(store))!
    clock.advance(leaseMs + 1)
    const now = (await claim(store))!
    t.equal(now.execution.id, old.execution.id)
    t.ok(now.lease.fence > old.lease.fence)
    t.not(now.lease.token, old.lease.token)
    const { lease, execution } = old
    const frames = [step(execution)]
    t.equal(await store.heartbeat(lease, leaseMs), false)
    t.equal(await store.append(lease, execution.id, frames), false)
    t.strictSame(await store.finish(lease, execution.id, { ...done, frames, takeNext: true }), refused)
    const parking = { frames, approval: question(clock.now() + hour), timerAt: clock.now() + hour, takeNext: true }
    t.strictSame(await store.park(lease, execution.id, parking), refused)
    t.equal(await store.release(lease), false)
    t.match(await store.read(execution.id), { n: 1, state: 'running', token: now.lease.token })
    t.equal(await store.append(now.lease, execution.id, frames), true)
  })

  test('a lease that ran out and was not taken over still holds', async (t, { store, clock }) => {
    await store.accept(message())
    const { lease, execution } = (await claim(store))!
    clock.advance(leaseMs + 1)
    t.equal(await store.append(lease, execution.id, [step(execution)]), true)
    t.equal(await store.heartbeat(lease, leaseMs), true)
    t.equal(await claim(store), null)
  })

  test('heartbeats keep a lane for as long as they come', async (t, { store, clock }) => {
    await store.accept(message())
    const { lease } = (await claim(store))!
    for (let i = 0; i < 6; i++) {
      clock.advance(leaseMs / 3)
      t.equal(await store.heartbeat(lease, leaseMs), true)
      t.equal(await claim(store), null)
    }
    clock.advance(leaseMs + 1)
    t.ok(await claim(store))
    t.equal(await store.heartbeat(lease, leaseMs), false)
  })

  test('claims count the deaths at work: frames reset them, notes do not, a release takes its own back', async (t, {
    store,
    clock
  }) => {
    const { id } = message()
    await store.accept(message({ id }))
    const die = async () => {
      const taken = (await claim(store))!
      clock.advance(leaseMs + 1)
      return taken.execution.claims
    }
    t.equal(await die(), 1)
    t.equal(await die(), 2)
    await store.note(id, remark((await store.read(id))!))
    t.equal(await die(), 3, 'a note changes nothing')
    const again = (await claim(store))!
    t.equal(again.execution.claims, 4)
    await store.append(again.lease, id, [step(again.execution)])
    t.equal((await store.read(id))?.claims, 0, 'a frame is progress')
    clock.advance(leaseMs + 1)
    t.equal(await die(), 1)
    const last = (await claim(store))!
    t.equal(await store.release(last.lease), true)
    t.match(await store.read(id), { state: 'queued', token: null, claims: 0 })
    t.equal(await store.release(last.lease), false, 'a lease is released once')
    t.equal((await claim(store))?.execution.claims, 1)
  })

  test('who lost a lane and lives takes its claim back, unless there was a frame since', async (t, {
    store,
    clock
  }) => {
    const { id } = message()
    await store.accept(message({ id }))
    const claims = async () => (await store.read(id))?.claims
    const first = (await claim(store))!
    clock.advance(leaseMs + 1)
    const second = (await claim(store))!
    t.equal(await claims(), 2)
    await store.unclaim(id, first.execution.n)
    t.equal(await claims(), 1)
    t.match(await store.read(id), { state: 'running', token: second.lease.token }, 'the holder keeps it')
    await store.unclaim(id, first.execution.n)
    await store.unclaim(id, first.execution.n)
    t.equal(await claims(), 0, 'and never less than none')

    await store.append(second.lease, id, [step(second.execution)])
    clock.advance(leaseMs + 1)
    const third = (await claim(store))!
    await store.unclaim(id, first.execution.n)
    t.equal(await claims(), 1, 'a frame came since')
    await store.finish(third.lease, id, { ...done, frames: [], takeNext: false })
    await store.unclaim(id, third.execution.n)
    t.equal(await claims(), 1, 'what has ended is left alone')
    await store.unclaim('of nobody', 1)
  })

  test('a backoff is not cut short by a new message', async (t, { store, clock }) => {
    const [first] = await acceptAll(store, 1)
    const { lease } = (await claim(store))!
    await store.release(lease, clock.now() + minute)
    await store.accept(message())
    clock.advance(minute - 5 * second)
    t.equal(await claim(store), null)
    clock.advance(5 * second + 1)
    t.equal((await claim(store))?.execution.id, first!.id, 'and the order of the lane stands')
  })

  test('claims at the same time take different lanes, those that wait longest, each with its oldest message', async (t, {
    store
  }) => {
    const messages = Array.from({ length: 12 }, (_, i) => message({ lane: `lane-${i % 6}` }))
    for (const one of messages) await store.accept(one)
    const first = await Promise.all(Array.from({ length: 4 }, () => claim(store)))
    const rest = await Promise.all(Array.from({ length: 4 }, () => claim(store)))
    const ids = (claims: typeof first) => claims.flatMap(one => (one === null ? [] : [one.execution.id])).toSorted()
    const inOrder = messages.map(({ id }) => id)
    t.strictSame(ids(first), inOrder.slice(0, 4).toSorted())
    t.strictSame(ids(rest), inOrder.slice(4, 6).toSorted())
    const taken = [...first, ...rest].filter(one => one !== null)
    t.equal(new Set(taken.map(({ lease }) => lease.token)).size, 6)
    const goOn = taken.map(({ lease, execution }) => store.finish(lease, execution.id, { ...done, takeNext: true }))
    t.strictSame(
      (await Promise.all(goOn)).map(({ next }) => next?.id).toSorted(),
      inOrder.slice(6).toSorted(),
      'each lane goes on with its own next'
    )
  })

  test('a lane released is due at once, also when the given time is past', async (t, { store, clock }) => {
    await store.accept(message())
    await store.release((await claim(store))!.lease)
    const again = (await claim(store))!
    await store.release(again.lease, clock.now() - hour)
    await store.accept(message({ lane: 'other' }))
    t.equal((await claim(store))?.lease.lane, 'lane-1')
  })

  test('a worker without a lease that is due steals nothing, however the clock jumps', async (t, { store, clock }) => {
    const [first] = await acceptAll(store, 1)
    const { lease, execution } = (await claim(store))!
    clock.advance(-hour)
    t.equal(await claim(store), null, 'an hour back')
    t.equal(await store.heartbeat(lease, leaseMs), true)
    t.equal(await claim(store), null)
    clock.advance(leaseMs + 1)
    const second = (await claim(store))!
    t.equal(second.execution.id, first!.id, 'the heartbeat set the lease by the clock as it now is')
    clock.advance(hour)
    t.equal(await store.append(second.lease, execution.id, [step(execution)]), true, 'an hour on, not yet taken over')
    const third = (await claim(store))!
    t.equal(await store.append(second.lease, execution.id, [step(third.execution)]), false)
    t.equal(await store.append(lease, execution.id, [step(third.execution)]), false)
  })
}
