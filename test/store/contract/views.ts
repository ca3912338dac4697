import { message, step } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { acceptAll, minute, parked, second } from './moves.ts'

/** What is read by people, by metrics and by the agent. */
export function views(test: Suite): void {
  test('earlier messages of a lane come newest first, the lane by itself', async (t, { store, clock }) => {
    const sent = await acceptAll(store, 5)
    await store.accept(message({ lane: 'other', id: 'elsewhere' }))
    clock.advance(minute)
    const ids = async (before: string, limit: number) =>
      (await store.earlier('lane-1', before, limit)).map(one => one.id)
    t.strictSame(await ids(sent[3]!.id, 2), [sent[2]!.id, sent[1]!.id])
    t.strictSame(await ids(sent[1]!.id, 9), [sent[0]!.id])
    t.strictSame(await ids('elsewhere', 9), [])
    t.strictSame((await store.earlier('lane-1', sent[1]!.id, 1))[0]?.frames, sent[0]!.frames)
    const last = await store.lastInbound('lane-1')
    t.ok(last !== null && Math.abs(clock.now() - minute - last) < 5 * second)
    t.equal(await store.lastInbound('nobody'), null)
  })

  test('a decision or a retry does not change what came earlier', async (t, { store, clock }) => {
    const { first, second, approval } = await parked({ store, clock })
    await store.decide(first, step((await store.read(first))!), { id: approval.id, state: 'approved' })
    t.strictSame(
      (await store.earlier('lane-1', second, 9)).map(one => one.id),
      [first]
    )
  })

  test('conversations are paged newest first, and messages in between neither hide nor repeat one', async (t, {
    store
  }) => {
    for (let i = 0; i < 7; i++) await store.accept(message({ lane: `lane-${i}` }))
    const first = await store.conversations({ limit: 3 })
    const ids = (page: typeof first) => page.conversations.map(one => one.id)
    t.strictSame(ids(first), ['lane-6', 'lane-5', 'lane-4'])
    await store.accept(message({ lane: 'lane-5' }))
    await store.accept(message({ lane: 'lane-new' }))
    const second = await store.conversations({ after: first.next!, limit: 3 })
    t.strictSame(ids(second), ['lane-3', 'lane-2', 'lane-1'])
    const third = await store.conversations({ after: second.next!, limit: 3 })
    t.strictSame(ids(third), ['lane-0'])
    t.equal(third.next, null)
    const refusal = await store.conversations({ after: 'made up', limit: 3 }).catch(error => error)
    t.equal(refusal.code, 'QUERY_INVALID')
  })

  test('a conversation shows its newest executions, the oldest of them first', async (t, { store }) => {
    const sent = await acceptAll(store, 25)
    await store.accept(message({ state: 'refused', lane: 'other' }))
    const shown = (await store.conversation('lane-1', 3))!
    t.strictSame(
      shown.executions.map(one => one.id),
      sent.slice(-3).map(one => one.id)
    )
    const newest = (await store.read(sent.at(-1)!.id))!
    t.match(shown, { id: 'lane-1', tenant: 'tenant-1', lastAt: newest.at })
    t.strictSame(shown.executions.at(-1), { id: newest.id, state: 'queued', at: newest.at })
    const listed = await store.conversations({ limit: 9 })
    t.strictSame(
      listed.conversations.map(one => [one.id, one.executions.length]),
      [
        ['other', 1],
        ['lane-1', 20]
      ]
    )
    t.equal(await store.conversation('nobody', 3), null)
  })

  test('the depth tells what waits, runs and is parked', async (t, { store, clock }) => {
    t.strictSame(await store.depth(), { queued: 0, running: 0, parked: 0, oldestMs: 0, unsealedMs: 0 })
    await parked({ store, clock })
    await acceptAll(store, 3)
    clock.advance(minute)
    const depth = await store.depth()
    t.match(depth, { queued: 3, running: 1, parked: 1 })
    t.ok(depth.oldestMs >= minute && depth.oldestMs < minute + 5 * second)
  })

  test('a healthy store is ready and every fact about it is as it should be', async (t, { store }) => {
    await store.ready()
    const facts = await store.inspect()
    t.ok(facts.length > 0)
    t.strictSame(
      facts.filter(fact => !fact.ok),
      []
    )
  })

  test('a closed store has kept what was under way and takes no more', async (t, { store }) => {
    const underWay = store.accept(message())
    await store.close()
    t.equal(await underWay, 'accepted')
    t.equal((await store.accept(message()).catch(error => error)).code, 'STORE_UNAVAILABLE')
    await store.close()
  })
}
