import type { Suite } from '../contract.ts'
import { hour, minute, second } from './moves.ts'

/** Records of tools and policy, and counters. */
export function documents(test: Suite): void {
  const key = { tenant: 'tenant-1', user: 'user-1', kind: 'task', id: 'a' }

  test('a record is written only over the version that was read', async (t, { store }) => {
    t.equal(await store.record(key), null)
    t.equal(await store.putRecord(key, { title: 'x' }, 1), false, 'there is no version yet')
    const race = await Promise.all(Array.from({ length: 20 }, (_, i) => store.putRecord(key, { i }, 0)))
    t.equal(race.filter(Boolean).length, 1)
    t.strictSame(await store.record(key), { ...key, version: 1, data: { i: 0 } })
    t.equal(await store.putRecord(key, 'second', 1), true)
    t.equal(await store.putRecord(key, 'late', 1), false)
    t.match(await store.record(key), { version: 2, data: 'second' })
    t.equal(await store.putRecord(key, null, 1), false)
    t.equal(await store.putRecord(key, null, 2), true)
    t.equal(await store.record(key), null)
  })

  test('records are listed by id, one user and kind at a time', async (t, { store }) => {
    for (const id of ['c', 'a', 'e', 'b', 'd']) await store.putRecord({ ...key, id }, id, 0)
    for (const other of [{ tenant: 't' }, { user: 'u' }, { kind: 'k' }]) {
      await store.putRecord({ ...key, ...other }, 'other', 0)
    }
    const ids = async (page: { after?: string; limit: number }) => (await store.records(key, page)).map(one => one.id)
    t.strictSame(await ids({ limit: 3 }), ['a', 'b', 'c'])
    t.strictSame(await ids({ after: 'c', limit: 3 }), ['d', 'e'])
    t.strictSame(await ids({ after: 'e', limit: 3 }), [])
  })

  test('records of every kind are listed by user, kind and id, a page at a time', async (t, { store }) => {
    const keys = ['u1 a 1', 'u1 a 2', 'u1 b 1', 'u2 a 1', 'u3 a 1'].map(name => {
      const [user = '', kind = '', id = ''] = name.split(' ')
      return { tenant: 'tenant-1', user, kind, id }
    })
    for (const one of [...keys].reverse()) await store.putRecord(one, 'x', 0)
    await store.putRecord({ ...key, tenant: 'tenant-2' }, 'other', 0)
    const all = async (of: { tenant: string; user?: string }) => {
      const found = []
      for (let after: (typeof keys)[0] | undefined; ; ) {
        const page = await store.recordsUnder(of, { ...(after && { after }), limit: 2 })
        found.push(...page.map(({ user, kind, id }) => `${user} ${kind} ${id}`))
        after = page.at(-1)
        if (after === undefined) return found
      }
    }
    t.strictSame(await all({ tenant: 'tenant-1' }), ['u1 a 1', 'u1 a 2', 'u1 b 1', 'u2 a 1', 'u3 a 1'])
    t.strictSame(await all({ tenant: 'tenant-1', user: 'u1' }), ['u1 a 1', 'u1 a 2', 'u1 b 1'])
    t.strictSame(await all({ tenant: 'nobody' }), [])
  })

  test('uses are counted in fixed windows', async (t, { store, clock }) => {
    const counts = await Promise.all(Array.from({ length: 10 }, () => store.take('sender-1', minute)))
    t.strictSame(
      counts.map(one => one.count).toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    )
    t.equal((await store.take('sender-2', minute)).count, 1)
    clock.advance(50 * second)
    const late = await store.take('sender-1', minute)
    t.equal(late.count, 11, 'a use does not prolong the window')
    t.ok(late.resetMs > 0 && late.resetMs <= 10 * second)
    clock.advance(11 * second)
    const fresh = await store.take('sender-1', minute)
    t.equal(fresh.count, 1)
    t.ok(fresh.resetMs > 50 * second && fresh.resetMs <= minute)
    clock.advance(-hour)
    t.equal((await store.take('sender-1', minute)).count, 1, 'a clock set back holds nobody for an hour')
  })

  test('what is spent in a window counts once however often it is said, and as it was said last', async (t, {
    store,
    clock
  }) => {
    const spend = async (by: string, amount: number) => (await store.spend('words $of', minute, by, amount)).total
    const same = await Promise.all(Array.from({ length: 5 }, () => spend('$a.b', 100)))
    t.strictSame(same, [100, 100, 100, 100, 100])
    t.equal(await spend('c', 30), 130)
    t.equal(await spend('$a.b', 7), 37, 'what was reserved is settled')
    t.equal(await spend('c', 0), 7, 'and given back')
    t.equal(await spend('d', 0), 7, 'nothing is a way to look')
    clock.advance(50 * second)
    t.equal(await spend('c', 5), 12)
    clock.advance(11 * second)
    t.equal(await spend('$a.b', 7), 7, 'in a new window all is new')
    t.equal(await spend('c', 1), 8)
    clock.advance(-hour)
    t.equal(await spend('e', 1), 1, 'a clock set back holds nobody for an hour')
    t.equal((await store.spend('of another', minute, 'c', 1)).total, 1)
    for (let i = 0; i < 40; i++) await spend(`many-${i}`, 1)
    t.equal(await spend('many-3', 1), 41, 'one of many is remembered')

    const crowd = Array.from({ length: 8 }, (_, i) => store.spend('a crowd', minute, `${i}`, 1))
    const sums = (await Promise.all(crowd)).map(({ total }) => total)
    t.strictSame(sums.toSorted(), [1, 2, 3, 4, 5, 6, 7, 8], 'of those who come at once one is the first')
  })
}
