import t, { type Test } from 'tap'
import { mediaAct } from '../../src/audit/media-act.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { EventName } from '../../src/frames/event.ts'
import type { State } from '../../src/frames/execution.ts'
import { Failure } from '../../src/frames/failure.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { createMediaDeleter, type MediaDeletionParts, willDeleteMedia } from '../../src/inbox/media-deletion.ts'
import type { Store } from '../../src/store/store.ts'
import { message, tail } from '../store/builders.ts'
import { openStore } from '../store/open-sqlite.ts'

const tenant = 'tenant-1'
const execution = 'e-1'
const hour = 3_600_000
const media = { execution, attachment: 0, message: 'SM1', media: 'ME1' }
const patient = new AbortController().signal
const listed = { tenant, user: 'server', kind: 'media-deletion' }

/** An execution at work whose audio is about to be fetched, and another side that answers as the test says. */
async function open(t: Test) {
  const { store, clock: moved } = await openStore(t)
  const clock = { ...moved, monotonic: moved.now }
  const seen: { event: EventName; fields: object }[] = []
  const asked: { message: string; media: string }[] = []
  const outside: { answer: () => Promise<void>; wrap: (store: Store) => Store } = {
    answer: async () => {},
    wrap: whole => whole
  }
  const parts = (): MediaDeletionParts => ({
    store: outside.wrap(store),
    clock,
    observe: (event, fields) => void seen.push({ event, fields }),
    channelOf: () => ({
      async deleteAudio({ message, media }) {
        asked.push({ message, media })
        await outside.answer()
      }
    }),
    toldOf: mediaAct
  })
  await store.accept(message({ id: execution }))
  const claim = await store.claim({ tenants: [tenant], owner: 'o', leaseMs: hour })
  if (claim === null) throw new Error('nothing to work')
  const { lease } = claim
  const end = (state: State) =>
    store.finish(lease, execution, { state, frames: [], takeNext: false, purgeAt: clock.now() + hour })
  return {
    ...{ store, clock, seen, asked, outside, end },
    will: () => willDeleteMedia({ store, clock }, tenant, media),
    async download(attachment = 0) {
      const data = { attachment, sha256: 'f', type: 'audio/ogg', bytes: 1, seconds: 1 }
      const provenance = { origin: 'test', integrity: 'user_voice', confidentiality: 'user', ref: null } as const
      const draft: Draft<'audio.downloaded'> = { kind: 'audio.downloaded', data, parent: null, provenance }
      const before = await store.read(execution)
      if (before === null) throw new Error('no execution')
      const frame = makeFrame(execution, tail(before), draft, { clock, entropy: systemEntropy }) as Frame
      await store.append(lease, execution, [frame])
    },
    look: () => createMediaDeleter(parts(), tenant)(patient),
    left: async () => (await store.records(listed, { limit: 10 })).length,
    told: async () => {
      const { records } = await store.auditPage({ tenants: [tenant], action: 'media.delete', limit: 10 })
      return records.map(({ outcome }) => outcome).toSorted()
    }
  }
}

t.test('audio is deleted there once the frame that keeps it is written, and no sooner', async t => {
  const { will, look, asked, left, download, told } = await open(t)
  await will()
  await look()
  await download(1)
  await look()
  t.strictSame(asked, [], 'it is not kept yet, though another one is')
  await download()
  await look()
  t.strictSame(asked, [{ message: 'SM1', media: 'ME1' }])
  t.equal(await left(), 0)
  t.strictSame(await told(), ['done', null])
  await look()
  t.equal(asked.length, 1)
})

t.test('what ended without being kept stays there, and a retry by the operator thinks of it again', async t => {
  const { will, look, asked, left, end, store, outside } = await open(t)
  await will()
  await end('dead')
  const late: (() => Promise<unknown>)[] = [will]
  outside.wrap = whole => ({
    ...whole,
    async putRecord(...given) {
      await late.pop()?.()
      return whole.putRecord(...given)
    }
  })
  await look()
  t.equal((await store.records(listed, { limit: 10 })).length, 1, 'what was thought of meanwhile is not forgotten')
  await look()
  t.equal(await left(), 0)
  t.strictSame(asked, [])
})

t.test('what is purged or erased here is deleted there', async t => {
  const { will, look, asked, left, end, clock, store, download } = await open(t)
  await will()
  await download()
  await end('done')
  clock.advance(2 * hour)
  await store.sweep()
  t.equal((await store.read(execution))?.frames.length, 0)
  await look()
  t.equal(asked.length, 1)
  t.equal(await left(), 0)
})

t.test('a deletion that fails is tried ever more slowly, never forgotten, and the operator is told', async t => {
  const { will, look, asked, left, download, clock, seen, outside, told } = await open(t)
  await will()
  await download()
  outside.answer = async () => {
    throw new Failure('MEDIA_NOT_DELETED', { cause: { status: 500, code: null } })
  }
  const pauses: number[] = []
  for (let tries = 1; tries <= 12; tries++) {
    await look()
    t.equal(asked.length, tries)
    await look()
    t.equal(asked.length, tries, 'not before its time')
    const { fields } = seen.findLast(({ event }) => event === 'attempt.failed') ?? {}
    t.match(fields, { execution, step: 'delete-media', code: 'MEDIA_NOT_DELETED', cause: 'status-500', tries })
    pauses.push((fields as { retryInMs: number }).retryInMs)
    clock.advance(pauses.at(-1) ?? 0)
  }
  t.strictSame(pauses.slice(0, 3), [10_000, 20_000, 40_000])
  t.equal(pauses.at(-1), hour)
  const alerts = seen.filter(({ event }) => event === 'alert')
  t.equal(alerts.length, 8)
  t.match(alerts[0], { fields: { code: 'MEDIA_NOT_DELETED', execution } })
  t.equal(await left(), 1)
  outside.answer = async () => {}
  await look()
  t.equal(await left(), 0)
  t.strictSame(await told(), ['done', null], 'and told once')
})

t.test('whatever dies on the way, in the end it is deleted', async t => {
  for (let deadly = 1; deadly <= 4; deadly++) {
    for (const isDone of [false, true]) {
      await t.test(`at write ${deadly}, ${isDone ? 'after' : 'before'} it was made`, async t => {
        const { will, look, asked, left, download, clock, outside } = await open(t)
        await will()
        await download()
        let writes = 0
        const dying =
          <A extends unknown[], T>(write: (...given: A) => Promise<T>) =>
          async (...given: A) => {
            if (++writes < deadly) return write(...given)
            if (writes === deadly && isDone) await write(...given)
            throw new Failure('STORE_UNAVAILABLE')
          }
        outside.wrap = whole => ({ ...whole, putRecord: dying(whole.putRecord), audit: dying(whole.audit) })
        await look()
        outside.wrap = whole => whole
        clock.advance(hour)
        await look()
        t.ok(asked.length >= 1)
        t.equal(await left(), 0)
      })
    }
  }
})

t.test('of two processes that look at once, one deletes', async t => {
  const { will, look, asked, download } = await open(t)
  await will()
  await download()
  await Promise.all([look(), look(), look()])
  t.equal(asked.length, 1)
})
