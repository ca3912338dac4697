import { told } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { day, hour } from './moves.ts'

const both = ['tenant-1', 'tenant-2']

/** What was told is linked into blocks: a chain for each tenant. */
export function sealing(test: Suite): void {
  test('what is told is sealed once, in a chain for each tenant', async (t, { store }) => {
    const [early, late] = [told(), told()]
    await store.audit([early, told({ tenant: 'tenant-2' })])
    t.notOk('block' in ((await store.auditPage({ tenants: both, limit: 9 })).records[0] ?? {}))
    t.equal(await store.seal(), 2)
    t.equal(await store.seal(), 0)
    await store.audit([late, early])
    t.equal(await store.seal(), 1, 'what is told again is sealed already')
    const heads = (await store.auditHeads()).map(({ tenant, n }) => `${tenant}:${n}`)
    t.strictSame(heads, ['tenant-1:2', 'tenant-2:1'])
    const { records } = await store.auditPage({ tenants: ['tenant-1'], limit: 9 })
    t.strictSame(
      new Map(records.map(({ id, block }) => [id, block])),
      new Map([
        [early.id, 1],
        [late.id, 2]
      ])
    )
  })

  test('sealers at once make one chain, in which each record is once', async (t, { store }) => {
    let sealed = 0
    for (let round = 0; round < 6; round++) {
      const telling = Promise.all(Array.from({ length: 8 }, () => store.audit([told(), told({ tenant: 'tenant-2' })])))
      const counts = await Promise.all([store.seal(), store.seal(), store.seal(), store.seal()])
      await telling
      sealed += counts.reduce((sum, count) => sum + count, 0)
    }
    sealed += await store.seal()
    t.equal(sealed, 96)
    const { records } = await store.auditPage({ tenants: both, limit: 100 })
    t.equal(records.length, 96)
    for (const { tenant, n } of await store.auditHeads()) {
      const blocks = new Set(records.filter(record => record.tenant === tenant).map(({ block }) => block))
      t.strictSame(
        [...blocks].toSorted((a = 0, b = 0) => a - b),
        Array.from({ length: n }, (_, i) => i + 1)
      )
    }
  })

  test('the age of the oldest record in no block is known', async (t, { store, clock }) => {
    t.equal((await store.depth()).unsealedMs, 0)
    await store.audit([told({ at: new Date(clock.now() - hour).toISOString() })])
    t.ok(Math.abs((await store.depth()).unsealedMs - hour) < day / 100)
    await store.seal()
    t.equal((await store.depth()).unsealedMs, 0)
  })

  test('retention takes the records of whole blocks, oldest first, and the chain goes on from the last root', async (t, {
    store,
    clock
  }) => {
    const at = () => new Date(clock.now()).toISOString()
    const old = [told({ at: at() }), told({ at: at() })]
    for (const record of old) {
      await store.audit([record])
      await store.seal()
    }
    clock.advance(day)
    // A clock that is ahead keeps nothing for longer.
    const young = told({ at: new Date(clock.now() + 90 * day).toISOString() })
    await store.audit([young])
    await store.seal()
    clock.advance(400 * day - hour)
    await store.sweep()
    const ids = async () => (await store.auditPage({ tenants: both, limit: 9 })).records.map(({ id }) => id)
    t.strictSame(await ids(), [young.id])
    await store.audit([told({ at: at() })])
    t.equal(await store.seal(), 1)
    t.match(await store.auditHeads(), [{ tenant: 'tenant-1', n: 4 }])
    clock.advance(2 * hour)
    await store.sweep()
    t.equal((await ids()).length, 1)
    t.match(await store.auditHeads(), [{ tenant: 'tenant-1', n: 4 }])
  })
}
