import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { checkChain, type Frame, makeFrame } from '../../src/frames/frame.ts'
import type { Store } from '../../src/store/store.ts'
import { message, tail } from './builders.ts'
import { claim, day } from './contract/moves.ts'
import { contract } from './contract.ts'
import { openMongo } from './open-mongodb.ts'
import { sealedOver } from './open-sealed.ts'
import { change, openStore } from './open-sqlite.ts'

t.test('the embedded store keeps its promises with everything sealed', async t => {
  contract(t, async t => {
    const opened = await openStore(t)
    return { ...opened, store: sealedOver(opened.store, opened.clock as never).store }
  })
})

const words = 'the planted words'

/** An execution with a frame, bytes and a record that hold the planted words. */
async function plant(store: Store, now: number): Promise<string> {
  const { id } = message()
  await store.accept(message({ id }))
  const { lease, execution } = (await claim(store))!
  const draft = { kind: 'reply.drafted' as const, data: { parts: [words], sentence: null, turn: null }, parent: null }
  const provenance = { origin: 'test', integrity: 'system', confidentiality: 'user', ref: null } as const
  const tools = { clock: { now: () => now, monotonic: () => now }, entropy: systemEntropy }
  const frame = makeFrame(id, tail(execution), { ...draft, provenance }, tools) as Frame
  const extras = { blob: { bytes: Buffer.from(words), purgeAt: now + day } }
  await store.finish(lease, id, { state: 'done', frames: [frame], extras, takeNext: false, purgeAt: null })
  await store.putRecord({ tenant: 'tenant-1', user: 'lane-1', kind: 'task', id: 'a' }, { title: words }, 0)
  return id
}

async function reads(t: Test, store: Store, id: string): Promise<void> {
  const { frames } = (await store.read(id))!
  t.match(frames.at(-1), { data: { parts: [words] } })
  t.equal(checkChain(frames), null)
  t.equal(String(Buffer.from((await store.blob(`${id}:2`))!)), words)
  t.match(await store.record({ tenant: 'tenant-1', user: 'lane-1', kind: 'task', id: 'a' }), { data: { title: words } })
}

t.test('no file of the embedded store holds what was said, and the chain is whole without it', async t => {
  const dir = t.testdir()
  const opened = await openStore(t, dir)
  const { store } = sealedOver(opened.store, opened.clock as never)
  const id = await plant(store, opened.clock.now())
  await reads(t, store, id)
  for (const file of ['knomly.sqlite', 'knomly.sqlite-wal']) {
    const bytes = readFileSync(join(dir, file))
    const spellings = [words, Buffer.from(words).toString('base64').slice(0, -4), Buffer.from(words).toString('hex')]
    for (const spelling of spellings) t.notOk(bytes.includes(spelling), `${file}: ${spelling}`)
  }
  const raw = (await opened.store.read(id))!.frames
  t.equal(checkChain(raw), null)
  t.equal((raw[1] as { data?: unknown }).data, undefined)
  const changed = raw.map((frame, i) => (i === 0 ? { ...frame, commitment: 'f'.repeat(64) } : frame))
  t.match(checkChain(changed as Frame[]), { n: 1, flaw: 'hash' })
})

t.test('no document of MongoDB holds what was said', async t => {
  const opened = await openMongo(t)
  const { store } = sealedOver(opened.store, opened.clock as never)
  await reads(t, store, await plant(store, opened.clock.now()))
  await opened.visit(async db => {
    for (const { name } of await db.listCollections().toArray()) {
      const docs = await db.collection(name).find().toArray()
      const bytes = docs.map(doc => JSON.stringify(doc, (_, value) => (Buffer.isBuffer(value) ? String(value) : value)))
      t.notMatch(bytes.join(), new RegExp(words), name)
      for (const doc of docs) if ('bytes' in doc) t.notOk(Buffer.from(doc.bytes.buffer).includes(words))
    }
  })
})

t.test(
  'what is sealed opens nowhere but in its place: another frame, another person, another record, an older version',
  async t => {
    const dir = t.testdir()
    const opened = await openStore(t, dir)
    const { store } = sealedOver(opened.store, opened.clock as never)
    const mine = await plant(store, opened.clock.now())
    const other = message({ lane: 'lane-2' })
    const own = message()
    await store.accept(other)
    await store.accept(own)
    const task = { tenant: 'tenant-1', user: 'lane-1', kind: 'task', id: 'a' }
    await store.putRecord({ ...task, id: 'b' }, { title: 'b' }, 0)
    await store.putRecord({ ...task, user: 'lane-2' }, { title: 'theirs' }, 0)
    const sealedIn = (id: string, n: number) =>
      `(SELECT json_extract(json, '$.sealed') FROM frames f JOIN executions ON arrival = f.execution WHERE id = '${id}' AND f.n = ${n})`
    const put = (into: string, from: string) =>
      change(
        dir,
        `UPDATE frames SET json = json_set(json, '$.sealed', ${from})
       WHERE n = 1 AND execution = (SELECT arrival FROM executions WHERE id = '${into}')`
      )
    for (const id of [other.id, own.id]) {
      put(id, sealedIn(mine, 2))
      t.match(await store.read(id), { closed: 'unreadable', frames: [] }, id)
    }
    const dataOf = (user: string, id: string) => `(SELECT data FROM records WHERE user = '${user}' AND id = '${id}')`
    const sets = [`data = ${dataOf('lane-1', 'b')}`, `data = ${dataOf('lane-2', 'a')}`, 'version = version + 1']
    for (const set of sets) {
      const changed = { ...task, id: `c-${set}` }
      await store.putRecord(changed, { title: words }, 0)
      change(
        dir,
        `UPDATE records SET ${set} WHERE user = 'lane-1' AND kind = 'task' AND id = '${changed.id.replaceAll("'", "''")}'`
      )
      const damage = await store.record(changed).catch(error => error)
      t.match(damage, { code: set.startsWith('version') ? 'CONTENT_DAMAGED' : /CONTENT_DAMAGED|KEY_UNAVAILABLE/ }, set)
    }
  }
)

t.test('with another master key nothing opens, and nothing is taken for erased', async t => {
  const opened = await openStore(t)
  const { store } = sealedOver(opened.store, opened.clock as never)
  const id = await plant(store, opened.clock.now())
  const foreign = sealedOver(opened.store, opened.clock as never).store
  t.match(await foreign.read(id), { closed: 'unreadable', frames: [] })
  await t.rejects(foreign.blob(`${id}:2`), { code: 'KEY_UNAVAILABLE' })
  await reads(t, store, id)
})
