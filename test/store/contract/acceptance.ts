import { message } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { acceptAll, claim, done, end, leaseMs, second, work } from './moves.ts'

/** What it means that a message was accepted: once, in order, and found by a worker. */
export function acceptance(test: Suite): void {
  test('the same message 100 times at once is accepted once', async (t, { store }) => {
    const same = message()
    const answers = await Promise.all(Array.from({ length: 100 }, () => store.accept(same)))
    t.equal(answers.filter(answer => answer === 'accepted').length, 1)
    t.equal(answers.filter(answer => answer === 'duplicate').length, 99)
    t.strictSame((await store.read(same.id))?.frames, same.frames)
    t.equal((await work(store)).length, 1)
  })

  test('what is read back is what was accepted', async (t, { store, clock }) => {
    const whole = message({ lane: 'a', tenant: 'b', principal: 'c' })
    await store.accept(whole)
    const { at, ...kept } = (await store.read(whole.id))!
    const { frames, id } = whole
    t.strictSame(kept, {
      id,
      lane: 'a',
      tenant: 'b',
      principal: 'c',
      state: 'queued',
      n: 1,
      claims: 0,
      token: null,
      frames
    })
    t.ok(Math.abs(Date.parse(at) - clock.now()) < 5 * second, 'it was accepted when the clock says')
    t.equal(await store.read('nobody'), null)
  })

  test('messages of a lane are worked in the order in which they came, lanes in parallel', async (t, { store }) => {
    const sent = Array.from({ length: 60 }, (_, i) => message({ lane: `lane-${i % 3}` }))
    await Promise.all(sent.slice(0, 30).map(one => store.accept(one)))
    const first = await Promise.all([claim(store), claim(store), claim(store)])
    t.equal(new Set(first.map(one => one?.lease.lane)).size, 3, 'three lanes are worked at once')
    t.equal(await claim(store), null, 'and no lane twice')
    for (const one of sent.slice(30)) await store.accept(one)
    const worked = first.map(one => one!.execution.id)
    for (const one of first) await end(store, one!)
    worked.push(...(await work(store)))
    t.equal(worked.length, sent.length)
    for (const lane of ['lane-0', 'lane-1', 'lane-2']) {
      const ids = sent.filter(one => one.lane === lane).map(one => one.id)
      t.strictSame(
        worked.filter(id => ids.includes(id)),
        ids
      )
    }
  })

  test('a message that ends at the door is kept and never worked', async (t, { store }) => {
    const refused = message({ state: 'refused' })
    t.equal(await store.accept(refused), 'accepted')
    t.equal(await store.accept(refused), 'duplicate')
    t.equal(await claim(store), null)
    t.equal((await store.read(refused.id))?.state, 'refused')
    t.match(await store.depth(), { queued: 0, running: 0, parked: 0, oldestMs: 0 })
  })

  test('a message that comes during a claim is found by finish and by the next claim', async (t, { store }) => {
    const [first] = await acceptAll(store, 1)
    const one = (await claim(store))!
    const more = [message(), message(), message()]
    for (const late of more) await store.accept(late)
    t.equal(await claim(store), null, 'a ring does not break a lease')
    const ended = await store.finish(one.lease, first!.id, { ...done, takeNext: true })
    t.equal(ended.next?.id, more[0]!.id)
    await store.finish(one.lease, more[0]!.id, { ...done, takeNext: false })
    const two = (await claim(store))!
    t.equal(two.execution.id, more[1]!.id, 'a lane let go with messages waiting is due at once')
    await store.finish(two.lease, more[1]!.id, { ...done, takeNext: true })
    t.equal((await store.finish(two.lease, more[2]!.id, { ...done, takeNext: true })).next, null)
    t.equal(await claim(store), null, 'an empty lane is idle')
    await store.accept(message())
    t.ok(await claim(store), 'and rings again')
  })

  test('a claim serves only the tenants it names, the lane that waits longest first', async (t, { store, clock }) => {
    for (const tenant of ['red', 'green', 'blue']) {
      await store.accept(message({ tenant, lane: tenant }))
      clock.advance(second)
    }
    const served = { tenants: ['blue', 'green'], owner: 'test', leaseMs }
    t.equal((await store.claim(served))?.lease.lane, 'green')
    t.equal((await store.claim(served))?.lease.lane, 'blue')
    t.equal(await store.claim(served), null)
    t.equal(await store.claim({ ...served, tenants: [] }), null)
    t.equal((await store.claim({ ...served, tenants: ['red'] }))?.lease.lane, 'red')
  })

  test('listeners hear of work until they stop listening', async (t, { store }) => {
    let heard = 0
    let ring = () => {}
    const rung = new Promise<void>(resolve => {
      ring = resolve
    })
    const stop = store.onRing(() => {
      heard++
      ring()
    })
    await store.accept(message())
    await rung
    t.ok(heard > 0)
    stop()
    const before = heard
    await store.accept(message({ lane: 'other' }))
    await store.ready()
    t.equal(heard, before)
  })
}
