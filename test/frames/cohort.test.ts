import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createCohorts } from '../../src/frames/cohort.ts'

/** Sends so many through a gate in one turn, each with a second step behind it; answers what was done, in order. */
function send(count: number): string[] {
  const cohort = createCohorts()
  const done: string[] = []
  for (let i = 1; i <= count; i++) {
    void (async () => {
      await cohort()
      done.push(`first of ${i}`)
      await null
      done.push(`second of ${i}`)
    })()
  }
  return done
}

t.test('who comes in one turn goes on together, step by step', async t => {
  const done = send(3)
  await null
  t.same(done, [], 'the turn is not over')
  await setImmediate()
  t.same(done, ['first of 1', 'first of 2', 'first of 3', 'second of 1', 'second of 2', 'second of 3'])
})

t.test('sixteen do not wait for a seventeenth, who goes with the turn', async t => {
  const done = send(17)
  for (let i = 0; i < 10; i++) await null
  t.equal(done.length, 32)
  t.notOk(done.includes('first of 17'))
  await setImmediate()
  t.same(done.slice(32), ['first of 17', 'second of 17'])
})

t.test('a gate that opened takes the next ones', async t => {
  const cohort = createCohorts()
  for (let i = 0; i < 3; i++) {
    let through = false
    void cohort().then(() => {
      through = true
    })
    await setImmediate()
    t.ok(through)
  }
})
