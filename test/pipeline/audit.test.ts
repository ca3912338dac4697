import { randomUUID } from 'node:crypto'
import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { framesOf } from '../../src/frames/execution.ts'
import { addNote } from '../../src/inbox/note.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import type { Store } from '../../src/store/store.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { uriOf } from '../store/open-mongodb.ts'
import { change } from '../store/open-sqlite.ts'
import { kindsOf, type Outside, openEngine, said, tenant } from './engine-on-store.ts'

const call = { id: 'a', tool: 'ring_bell', arguments: '{}' }

t.test('SQLite: no audit write, no call', async t => {
  const { engine, rung } = await openWithBell(t)
  await noWriteNoCall(t, engine, rung, {
    refuse: async () =>
      change(engine.dir, "CREATE TRIGGER guard BEFORE INSERT ON audit_unsealed BEGIN SELECT RAISE(ABORT, 'no'); END"),
    allow: async () => change(engine.dir, 'DROP TRIGGER guard')
  })
})

t.test('MongoDB: no audit write, no call', async t => {
  const uri = uriOf(`t-${randomUUID()}`)
  const client = new MongoClient(uri)
  t.teardown(() => client.close())
  t.teardown(() => client.db().dropDatabase())
  const { engine, rung } = await openWithBell(t, { openStore: parts => openMongoStore({ ...parts, uri }) })
  const guard = async (validator: object) => void (await client.db().command({ collMod: 'audit', validator }))
  await noWriteNoCall(t, engine, rung, { refuse: () => guard({ _id: 'nothing' }), allow: () => guard({}) })
})

t.test('a note that comes between moves the record with the frame', async t => {
  const { engine } = await openWithBell(t, {
    respond: async request => {
      const execution = await engine.store.read(id)
      if (execution === null) throw new TypeError('it is there')
      const data = { message: 'SM0', send: null, status: 'read', rank: 6 }
      const provenance = { origin: 'test', integrity: 'system', confidentiality: 'user', ref: null } as const
      await addNote(engine.parts, execution, () => ({ kind: 'reply.read', data, parent: null, provenance }))
      return request.items.some(item => item.role === 'result') ? { text: 'Done.' } : { text: '', calls: [call] }
    }
  })
  const id = await engine.accept(said('ring it'))
  engine.worker.start()
  const { frames } = await engine.ended(id)
  const [start] = framesOf(frames, 'tool.started')
  t.equal(start?.n, 4)
  t.strictSame(await toldOf(engine.store, id), [`${start?.n}:intent`, `${start?.n}:outcome`, '8:intent', '8:outcome'])
})

type Engine = Awaited<ReturnType<typeof openEngine>>

async function noWriteNoCall(
  t: Test,
  engine: Engine,
  rung: () => number,
  audit: { refuse(): Promise<void>; allow(): Promise<void> }
): Promise<void> {
  await audit.refuse()
  const id = await engine.accept(said('ring it'))
  let asked = 0
  engine.store.append = counting(engine.store.append, () => {
    asked += 1
  })
  engine.worker.start()
  // Backoffs pass by the clock of the test.
  const waiting = ({ state }: { state: string }) => {
    if (state === 'queued') engine.advance(500)
    return state === 'queued' || state === 'running'
  }
  await engine.until(id, execution => waiting(execution) && asked >= 3)
  t.equal(rung(), 0, 'nothing is called')
  t.notOk(kindsOf((await engine.store.read(id))!).includes('tool.started'))
  await audit.allow()
  const { state, frames } = await engine.until(id, execution => !waiting(execution))
  t.equal(state, 'done')
  t.equal(rung(), 1, 'the call happens once')
  t.equal(engine.sent.length, 1)
  const starts = frames.filter(frame => ['tool.started', 'reply.started'].includes(frame.kind)).map(({ n }) => n)
  const expected = starts.flatMap(n => [`${n}:intent`, `${n}:outcome`])
  let told = await toldOf(engine.store, id)
  while (told.length < expected.length) told = await toldOf(engine.store, id)
  t.strictSame(told, expected.sort())
}

function counting<A extends readonly unknown[], R>(act: (...args: A) => R, count: () => void): (...args: A) => R {
  return (...args) => {
    count()
    return act(...args)
  }
}

/** An engine whose model asks for a bell to be rung, once, and how often it was. */
async function openWithBell(t: Test, outside: Outside = {}) {
  let rings = 0
  const bell = defineTool({
    name: 'ring_bell',
    description: 'Rings.',
    input: z.strictObject({}),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    repeatable: false,
    describe: () => 'ring',
    run: async () => {
      rings += 1
      return { outcome: 'done', result: 'It rang.' }
    }
  })
  const engine = await openEngine(t, {
    tools: [bell],
    respond: async ({ items }) =>
      items.some(item => item.role === 'result') ? { text: 'Done.' } : { text: '', calls: [call] },
    ...outside
  })
  return { engine, rung: () => rings }
}

/** What is told of an execution, sorted; without its id. */
async function toldOf(store: Store, execution: string): Promise<string[]> {
  const { records } = await store.auditPage({ tenants: [tenant], execution, limit: 100 })
  return records.map(({ id }) => id.slice(execution.length + 1)).sort()
}
