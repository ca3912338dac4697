import { checkChain, type Frame } from '../../../src/frames/frame.ts'
import { message, remark, step } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { acceptAll, claim, day, done, ended, leaseMs, refused } from './moves.ts'

/** How an execution grows: frames, notes, names and bytes. */
export function journals(test: Suite): void {
  test('frames go in only at their own position', async (t, { store }) => {
    const [{ id } = message()] = await acceptAll(store, 1)
    const { lease, execution } = (await claim(store))!
    const two = step(execution)
    const three = step(two, id)
    t.equal(await store.append(lease, id, [three]), false, 'not past a gap')
    t.equal(await store.append(lease, id, execution.frames), false, 'not over what stands')
    t.equal(await store.append(lease, id, [two, step(three, id)]), false, 'not with a gap among them')
    t.equal(await store.append(lease, id, [two, three]), true)
    t.equal(await store.append(lease, id, [two, three]), false, 'not twice')
    t.equal(await store.append(lease, 'nobody', [step(three, id)]), false)
    const kept = (await store.read(id))!
    t.strictSame(kept.frames, [...execution.frames, two, three])
    t.equal(kept.n, 3)
    t.equal(checkChain(kept.frames), null)
  })

  test('an execution that the lease does not run is out of its reach', async (t, { store }) => {
    const [, second] = await acceptAll(store, 2)
    await store.accept(message({ lane: 'other', id: 'elsewhere' }))
    const one = (await claim(store))!
    await claim(store)
    const waiting = (await store.read(second!.id))!
    const elsewhere = (await store.read('elsewhere'))!
    t.equal(await store.append(one.lease, waiting.id, [step(waiting)]), false)
    t.equal(await store.append(one.lease, elsewhere.id, [step(elsewhere)]), false)
    t.strictSame(await store.finish(one.lease, waiting.id, { ...done, takeNext: false }), refused)
  })

  test('100 notes during the work fence nobody off and touch neither token, state nor lane', async (t, { store }) => {
    const [{ id } = message()] = await acceptAll(store, 1)
    const { lease } = (await claim(store))!
    let notes = 0
    const note = async () => {
      for (;;) if (await store.note(id, remark((await store.read(id))!))) return notes++
    }
    const callbacks = Promise.all(
      Array.from({ length: 5 }, async () => {
        for (let i = 0; i < 19; i++) await note()
      })
    )
    for (let written = 0; written < 5; written++) {
      const stale = (await store.read(id))!
      await note()
      t.equal(await store.append(lease, id, [step(stale)]), false, 'the holder has to look again')
      for (let now = stale; !(await store.append(lease, id, [step(now)])); now = (await store.read(id))!) {
        t.match(await store.read(id), { token: lease.token, state: 'running' })
      }
    }
    await callbacks
    const kept = (await store.read(id))!
    t.equal(notes, 100)
    t.equal(kept.frames.filter(frame => frame.kind === 'reply.delivered').length, 100)
    t.equal(kept.n, 106)
    t.equal(checkChain(kept.frames), null)
    t.equal(await store.heartbeat(lease, leaseMs), true)
    t.equal(await claim(store), null)
    t.strictSame(await store.finish(lease, id, { ...done, frames: [step(kept)], takeNext: true }), ended)
    t.equal(await store.note(id, remark((await store.read(id))!)), true, 'and notes come after the end')
    t.equal((await store.read(id))?.state, 'done')
    t.equal(await store.note('nobody', remark({ n: 0, hash: '' }, 'nobody')), false)
  })

  test('a frame of a kind that this build does not know is kept as it is', async (t, { store }) => {
    const [{ id } = message()] = await acceptAll(store, 1)
    const { lease, execution } = (await claim(store))!
    const data = { tea: ['green', null, 1.5], nested: { ключ: '\u{1F375}\u2028' } }
    const foreign = { ...step(execution), kind: 'tea.brewed', v: 7, data, extra: true } as unknown as Frame
    t.equal(await store.append(lease, id, [foreign]), true)
    t.strictSame((await store.read(id))?.frames.at(-1), foreign)
  })

  test('a name belongs to the first execution that takes it', async (t, { store }) => {
    await store.accept(message({ id: 'one', lane: 'a' }))
    await store.accept(message({ id: 'two', lane: 'b' }))
    const first = (await claim(store))!
    const second = (await claim(store))!
    const [one, two] = first.execution.id === 'one' ? [first, second] : [second, first]
    await store.append(one.lease, 'one', [step(one.execution)], { refs: ['SM1', 'send-1'] })
    t.equal(await store.append(two.lease, 'two', [step(two.execution)], { refs: ['SM1', 'SM2'] }), true)
    t.equal(await store.append(two.lease, 'two', [step(two.execution)], { refs: ['SM3'] }), false)
    await store.note('one', remark((await store.read('one'))!), { refs: ['SM4'] })
    t.strictSame(await Promise.all(['SM1', 'send-1', 'SM2', 'SM3', 'SM4'].map(store.find)), [
      'one',
      'one',
      'two',
      null,
      'one'
    ])
  })

  test('bytes are kept under the first frame written with them', async (t, { store, clock }) => {
    const [{ id } = message()] = await acceptAll(store, 1)
    const { lease, execution } = (await claim(store))!
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251)
    const two = step(execution)
    await store.append(lease, id, [two, step(two, id)], { blob: { bytes, purgeAt: clock.now() + day } })
    t.ok(Buffer.from(bytes).equals((await store.blob(`${id}:2`))!))
    t.equal(await store.blob(`${id}:3`), null)
    t.equal(await store.blob('nobody:1'), null)
  })
}
