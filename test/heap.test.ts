import { execFileSync } from 'node:child_process'
import t from 'tap'

// In a process of its own: the flags of V8 bind all that runs in it.
const crowd = (bound: string) => `
  import v8 from 'node:v8'
  ${bound}
  const size = () => v8.getHeapSpaceStatistics().find(space => space.space_name === 'new_space').space_size
  const grow = until => { for (let alive = [], i = 0; !until(); i++) { alive.push({ i }); if (alive.length > 300_000) alive = [] } }
  grow(() => size() >= 32 * 2 ** 20)
  const before = size()
  if (globalThis.bound) bound()
  let steps = 0, peak = before
  // The peak: V8 may give some back meanwhile.
  grow(() => { if (steps % 5_000 === 0) peak = Math.max(peak, size()); return ++steps > 20_000_000 })
  console.log(JSON.stringify({ before, peak }))`

function sizes(bound: string): { before: number; peak: number } {
  const args = ['--input-type=module', '--eval', crowd(bound)]
  return JSON.parse(String(execFileSync(process.execPath, args, { env: { NODE_OPTIONS: '' } })))
}

t.test('a crowd that comes with the start does not make the space for young objects grow', async t => {
  const heap = JSON.stringify(new URL('../src/heap.ts', import.meta.url).href)
  const bounded = sizes(`globalThis.bound = (await import(${heap})).boundHeap`)
  // A collection holds pages of both halves for a while; what grows, doubles.
  t.ok(bounded.peak < 2 * bounded.before, `${bounded.peak} of ${bounded.before}`)
  const free = sizes('')
  t.ok(free.peak >= 2 * free.before, `left alone it grows: ${free.peak}`)
})
