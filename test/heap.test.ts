import { execFileSync } from 'node:child_process'
import t from 'tap'

const heap = JSON.stringify(new URL('../src/heap.ts', import.meta.url).href)

// In a process of its own: the flags of V8 bind all that runs in it.
const tools = `
  import v8 from 'node:v8'
  const size = () => v8.getHeapSpaceStatistics().find(space => space.space_name === 'new_space').space_size
  const grow = until => { for (let alive = [], i = 0; !until(); i++) { alive.push({ i }); if (alive.length > 300_000) alive = [] } }`

const crowd = (bound: string) => `
  ${tools}
  ${bound}
  grow(() => size() >= 32 * 2 ** 20)
  const before = size()
  if (globalThis.bound) bound()
  let steps = 0, peak = before
  // The peak: V8 may give some back meanwhile.
  grow(() => { if (steps % 5_000 === 0) peak = Math.max(peak, size()); return ++steps > 20_000_000 })
  console.log(JSON.stringify({ before, peak }))`

// A collection while next to nothing is made is what V8 takes for a quiet hour.
const quietHour = `
  ${tools}
  import { setTimeout } from 'node:timers/promises'
  (await import(${heap})).boundHeap()
  const crowd = async until => { for (let i = 0; i < 1_000 && !until(); i++) { let steps = 0; grow(() => ++steps > 500_000); await setTimeout(1) } }
  await crowd(() => size() >= 32 * 2 ** 20)
  await setTimeout(500)
  const before = size()
  for (let i = 0; i < 50 && size() >= before / 2; i++) { await setTimeout(300); gc({ type: 'minor' }) }
  const quiet = size()
  await crowd(() => size() >= before)
  console.log(JSON.stringify({ before, quiet, after: size() }))`

function sizes(bound: string): { before: number; peak: number } {
  return run(crowd(bound))
}

function run<T>(code: string): T {
  const args = ['--expose-gc', '--input-type=module', '--eval', code]
  return JSON.parse(String(execFileSync(process.execPath, args, { env: { NODE_OPTIONS: '' } })))
}

t.test('a crowd that comes with the start does not make the space for young objects grow', async t => {
  const bounded = sizes(`globalThis.bound = (await import(${heap})).boundHeap`)
  // A collection holds pages of both halves for a while; what grows, doubles.
  t.ok(bounded.peak < 2 * bounded.before, `${bounded.peak} of ${bounded.before}`)
  const free = sizes('')
  t.ok(free.peak >= 2 * free.before, `left alone it grows: ${free.peak}`)
})

t.test('the space that V8 gave back in a quiet hour is there again for the next crowd', async t => {
  const { before, quiet, after } = run<Record<'before' | 'quiet' | 'after', number>>(quietHour)
  t.ok(quiet < before / 2, `given back: ${quiet} of ${before}`)
  t.ok(after >= before, `there again: ${after} of ${before}`)
})
