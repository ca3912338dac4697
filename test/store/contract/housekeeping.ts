import { message, remark, step } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { acceptAll, claim, day, done, hour, minute, parked, second } from './moves.ts'

/** What the sweep does, and what it leaves alone. */
export function housekeeping(test: Suite): void {
  test('the sweep rings a lane whose ring was lost, once its work has waited', async (t, {
    store,
    clock,
    forgetRing
  }) => {
    await store.accept(message())
    await forgetRing('lane-1')
    t.equal(await claim(store), null)
    t.equal((await store.sweep()).rung, 0, 'not at once')
    clock.advance(31 * second)
    t.equal((await store.sweep()).rung, 1)
    t.equal((await store.sweep()).rung, 0)
    t.ok(await claim(store))
  })

  test('the sweep leaves leases and backoffs alone', async (t, { store, clock }) => {
    await store.accept(message())
    const { lease } = (await claim(store))!
    await store.release(lease, clock.now() + hour)
    clock.advance(10 * minute)
    t.equal((await store.sweep()).rung, 0)
    t.equal(await claim(store), null)
  })

  test('the sweep deletes bytes past their retention, and no sooner', async (t, { store, clock }) => {
    const [{ id } = message()] = await acceptAll(store, 1)
    const { lease, execution } = (await claim(store))!
    const blob = { bytes: Buffer.from('audio'), purgeAt: clock.now() + day }
    await store.append(lease, id, [step(execution)], { blob })
    clock.advance(day - minute)
    t.equal((await store.sweep()).blobs, 0)
    t.ok(await store.blob(`${id}:2`))
    clock.advance(2 * minute)
    t.equal((await store.sweep()).blobs, 1)
    t.equal(await store.blob(`${id}:2`), null)
    t.equal((await store.read(id))?.n, 2, 'its frames stand')
  })

  test('a purged execution leaves a tombstone that refuses the duplicate and keeps n', async (t, { store, clock }) => {
    const { id } = message()
    await store.accept(message({ id }))
    const { lease, execution } = (await claim(store))!
    const extras = { refs: ['SM1'], blob: { bytes: Buffer.from('audio'), purgeAt: clock.now() + 90 * day } }
    const frames = [step(execution)]
    const purgeAt = clock.now() + 30 * day
    await store.finish(lease, id, { state: 'dead', frames, extras, takeNext: false, purgeAt })
    clock.advance(30 * day - hour)
    t.equal((await store.sweep()).purged, 0)
    clock.advance(2 * hour)
    t.equal((await store.sweep()).purged, 1)
    t.match(await store.read(id), { id, state: 'dead', n: 2, frames: [] })
    t.equal(await store.blob(`${id}:2`), null)
    t.equal(await store.find('SM1'), null)
    t.equal(await store.accept(message({ id })), 'duplicate')
    t.equal(await store.note(id, remark(frames[0]!, id)), false, 'no frame comes after the purge')
    t.equal(await store.reopen(id, step(frames[0]!, id)), false)
    t.equal((await store.sweep()).purged, 0)
  })

  test('nothing open or parked is purged, and a reopened execution is open', async (t, { store, clock }) => {
    const { first, second, lease } = await parked({ store, clock })
    await store.finish(lease, second, { ...done, state: 'dead', takeNext: true, purgeAt: clock.now() + day })
    await store.reopen(second, step((await store.read(second))!))
    clock.advance(400 * day)
    t.equal((await store.sweep()).purged, 0)
    for (const id of [first, second]) t.not((await store.read(id))?.frames.length, 0)
  })

  test('a message that ended at the door is purged in its turn', async (t, { store, clock }) => {
    const refused = message({ state: 'refused' })
    await store.accept(refused)
    clock.advance(400 * day)
    t.equal((await store.sweep()).purged, 1)
    t.match(await store.read(refused.id), { state: 'refused', n: 1, frames: [] })
  })
}
