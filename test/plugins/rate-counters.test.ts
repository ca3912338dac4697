import t from 'tap'
import { countersOf, countInMemory } from '../../plugins/rate-counters.ts'
import { Failure } from '../../src/frames/failure.ts'

const time = { now: 0 }
const clock = { now: () => time.now, monotonic: () => time.now }

t.test('one window counts each key, and the next one starts from nothing', async t => {
  const count = counting(countInMemory(clock))
  t.strictSame(
    [count('a'), count('a'), count('b')].map(each => each.current),
    [1, 2, 1]
  )
  time.now += 59_999
  t.strictSame(count('a'), { current: 3, ttl: 1 })
  time.now += 1
  t.strictSame(count('a'), { current: 1, ttl: 60_000 })
})

t.test('memory is bounded: the oldest key is forgotten', async t => {
  const count = counting(countInMemory(clock))
  count('first')
  for (let i = 0; i < 9_999; i++) count(`other ${i}`)
  t.equal(count('first').current, 2)
  count('one too many')
  t.equal(count('first').current, 1)
})

t.test('a limiter counts in the store only where it says so', async t => {
  const taken: string[] = []
  const take = async (key: string) => ({ count: taken.push(key), resetMs: 5 })
  const counters = new (countersOf({ store: { take }, clock }))()
  counters.child({}).incr('address', () => undefined, 60_000, 1)
  const stored = counters.child({ countedIn: 'store' })
  const result = await new Promise(resolve => stored.incr('p', (_error, counted) => resolve(counted), 60_000, 1))
  t.strictSame([result, taken], [{ current: 1, ttl: 5 }, ['sender:p']])
  const down = countersOf({ store: { take: () => Promise.reject(new Failure('STORE_UNAVAILABLE')) }, clock })
  const error = await new Promise(resolve => new down().child({ countedIn: 'store' }).incr('p', resolve, 60_000, 1))
  t.match(error, { code: 'STORE_UNAVAILABLE' })
})

function counting(counter: ReturnType<typeof countInMemory>): (key: string) => { current: number; ttl: number } {
  return key => {
    let result = { current: 0, ttl: 0 }
    const keep = (_error: Error | null, counted = result) => {
      result = counted
    }
    counter.incr(key, keep, 60_000, 1)
    return result
  }
}
