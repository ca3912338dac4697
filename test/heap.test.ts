import { execFileSync } from 'node:child_process'
import t from 'tap'

// In a process of its own: the flags of V8 bind all that runs in it.
const crowd = (bound: string) => `
  import v8 from 'node:v8'
  ${bound}
  const size = () => v8.getHeapSpaceStatistics().find(space => space.space_name === 'new_space').space_size
  const grow = until => { for (let alive = [], i = 0; !until(); i++) { alive.push({ i }); if (alive.length > 300_000) alive = [] } }
  grow(() => size() >= 16 * 2 ** 20)
  const before = size()
  if (globalThis.bound) bound()
  let steps = 0
  grow(() => ++steps > 20_000_000)
  console.log(JSON.stringify({ before, after: size() }))`

function sizes(bound: string): { before: number; after: number } {
  const args = ['--input-type=module', '--eval', crowd(bound)]
  return JSON.parse(String(execFileSync(process.execPath, args, { env: { NODE_OPTIONS: '' } })))
}

t.test('a crowd that comes with the start does not make the space for young objects grow', async t => {
  const heap = JSON.stringify(new URL('../src/heap.ts', import.meta.url).href)
  const bounded = sizes(`globalThis.bound = (await import(${heap})).boundHeap`)
  t.equal(bounded.after, bounded.before)
  const free = sizes('')
  t.ok(free.after > free.before, 'left alone it grows')
})
