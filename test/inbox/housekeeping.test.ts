import { mock } from 'node:test'
import t from 'tap'
import { keepHouse } from '../../src/inbox/housekeeping.ts'
import { openStore } from '../store/open-sqlite.ts'

t.test('of the processes that share a store one sweeps at every second look', async t => {
  const { store, clock } = await openStore(t)
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const swept: string[] = []
  const sweeps: Promise<unknown>[] = []
  const houses = ['a', 'b', 'c'].map(name =>
    keepHouse({
      store: {
        ...store,
        sweep() {
          swept.push(name)
          const sweep = store.sweep()
          sweeps.push(sweep)
          return sweep
        }
      },
      clock: { ...clock, monotonic: clock.now },
      observe: (event, fields) => t.match({ event, fields }, { event: 'sweep.finished', fields: { rung: 0 } })
    })
  )
  for (const turn of [1, 1, 2, 2, 3, 3]) {
    // A write that is under way while the clock jumps would count as one that waited too long.
    await Promise.all(sweeps)
    clock.advance(10_000)
    mock.timers.tick(10_000)
    // Each asks the store once, and it answers in the order of asking.
    await store.take('after them', 1)
    await store.ready()
    t.equal(swept.length, turn)
  }
  await Promise.all(houses.map(stop => stop()))
})
