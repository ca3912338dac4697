import t from 'tap'
import { z } from 'zod'
import { Failure } from '../../src/frames/failure.ts'
import { issuePermit, type Permit } from '../../src/frames/permit.ts'
import type { RecordKey, StoreRecord } from '../../src/store/store.ts'
import { contactTools } from '../../src/tools/contacts.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { exportTools } from '../../src/tools/export.ts'
import { createRegistry } from '../../src/tools/registry.ts'
import { taskTools } from '../../src/tools/tasks.ts'
import type { Target, Tool, ToolContext, ToolResult } from '../../src/tools/tool.ts'
import { userRecords } from '../../src/tools/user-records.ts'

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
const registry = createRegistry([...taskTools, ...contactTools])

/** Records as a store keeps them, with a way to be overtaken by somebody else. */
function keptRecords(user = 'ana') {
  const kept = new Map<string, StoreRecord>()
  const nameOf = ({ tenant, user, kind, id }: RecordKey) => [tenant, user, kind, id].join('\n')
  const store = {
    beforePut: () => {},
    record: async (key: RecordKey) => kept.get(nameOf(key)) ?? null,
    records: async (of: Omit<RecordKey, 'id'>, { after = '', limit }: { after?: string; limit: number }) =>
      [...kept.values()]
        .filter(each => nameOf({ ...each, id: '' }) === nameOf({ ...of, id: '' }) && each.id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
    async putRecord(key: RecordKey, data: unknown, expected: number) {
      store.beforePut()
      if ((kept.get(nameOf(key))?.version ?? 0) !== expected) return false
      if (data === null) kept.delete(nameOf(key))
      else kept.set(nameOf(key), { ...key, version: expected + 1, data: structuredClone(data) })
      return true
    }
  }
  return { kept, store, records: userRecords(store, { tenant: 'AC1', user }) }
}

let calls = 0
function contextOf(records: ToolContext['records'], change: Partial<ToolContext> = {}): ToolContext {
  calls++
  return {
    tenant: 'AC1',
    userId: 'ana',
    records,
    secrets: { withSecret: () => Promise.reject(new Failure('SECRET_UNAVAILABLE')) },
    signal: new AbortController().signal,
    idempotencyKey: `call ${calls}`,
    integrity: 'user_voice',
    now: calls,
    fingerprint: null,
    send: async () => 'SM1',
    tell: async () => 1,
    ...change
  }
}

function permitFor(tool: string, args: Record<string, unknown>): Permit {
  return issuePermit({ execution: 'e', call: 'c', tool, class: 'W0', arguments: args })
}

async function run(tool: string, args: Record<string, unknown>, context: ToolContext) {
  const result = (await registry.get(tool)?.call(permitFor(tool, args), context)) as ToolResult
  return { ...result, json: result.outcome === 'done' ? JSON.parse(result.result) : null }
}

t.test('a tool runs with a permit that was issued for it and with nothing else', async t => {
  let runs = 0
  const tool = defineTool({
    name: 'look',
    description: 'Looks.',
    input: z.strictObject({}),
    repeatable: false,
    annotations,
    describe: () => 'Look',
    run: async () => {
      runs++
      return { outcome: 'done', result: '{}' }
    }
  })
  const context = contextOf(keptRecords().records)
  const forged = { ...permitFor('look', {}) }
  for (const permit of [forged, permitFor('other', {}), {} as Permit]) {
    t.equal((await tool.call(permit, context).catch(error => error)).code, 'WORK_BROKEN')
  }
  t.equal(runs, 0)
  t.match(await tool.call(permitFor('look', {}), context), { outcome: 'done' })
  t.notOk('run' in tool)
  t.throws(() => Object.assign(tool, { name: 'other' }), TypeError)
})

t.test('what a tool throws reaches the worker, and arguments are parsed again', async t => {
  const tool = defineTool({
    name: 'look',
    description: 'Looks.',
    input: z.strictObject({ where: z.string() }),
    repeatable: false,
    annotations,
    describe: ({ where }) => `Look at ${where}`,
    run: async ({ where }) => {
      if (where === 'store') throw new Failure('STORE_UNAVAILABLE')
      return { outcome: 'done', result: 'x'.repeat(20_000) }
    }
  })
  const context = contextOf(keptRecords().records)
  const failed = await tool.call(permitFor('look', { where: 'store' }), context).catch(error => error)
  t.equal(failed.code, 'STORE_UNAVAILABLE')
  t.equal((await tool.call(permitFor('look', { where: 1 }), context).catch(error => error)).name, 'ZodError')
  t.ok((await tool.call(permitFor('look', { where: 'here' }), context)).result.length < 16_100, 'a result is bounded')
  t.equal(tool.describe({ where: 'here' }), 'Look at here')
})

t.test('a tool whose input is not strict, or whose name fits no provider, is not made', async t => {
  const definition = {
    name: 'look',
    description: 'Looks.',
    input: z.strictObject({}),
    repeatable: false,
    annotations,
    describe: () => 'Look',
    run: async () => ({ outcome: 'done', result: '{}' }) as const
  }
  t.throws(() => defineTool({ ...definition, input: z.object({}) }), /strictObject/)
  t.throws(() => defineTool({ ...definition, name: 'look here' }), /name/)
})

t.test('the registry offers every tool with a strict JSON Schema and refuses two of a name', async t => {
  t.strictSame(registry.names, [
    ...['create_task', 'list_tasks', 'complete_task', 'delete_task'],
    ...['add_contact', 'list_contacts', 'send_message']
  ])
  t.equal(registry.get('format_disk'), undefined)
  t.equal(registry.get('__proto__'), undefined)
  const [offer] = registry.offers()
  t.match(offer, {
    name: 'create_task',
    parameters: { type: 'object', additionalProperties: false, required: ['title'] }
  })
  t.notOk(Object.hasOwn(offer?.parameters ?? {}, '$schema'))
  t.throws(() => createRegistry([...taskTools, ...taskTools]), /two tools/)
})

t.test('a task is created, listed, completed once and for all, and deleted', async t => {
  const { records } = keptRecords()
  const { json } = await run('create_task', { title: 'Pay rent', due: '2026-12-01' }, contextOf(records))
  const { id } = json.created
  t.match(id, /^t-[0-9a-z]{8}$/)
  t.strictSame((await run('list_tasks', {}, contextOf(records))).json, {
    tasks: [{ id, title: 'Pay rent', due: '2026-12-01', done: false }],
    notShown: 0
  })
  for (let i = 0; i < 2; i++) {
    t.strictSame((await run('complete_task', { id }, contextOf(records))).json.completed.done, true)
  }
  t.strictSame((await run('list_tasks', {}, contextOf(records))).json.tasks, [])
  t.equal((await run('list_tasks', { done: true }, contextOf(records))).json.tasks.length, 1)
  const seen = await registry.get('delete_task')?.target({ id }, records)
  t.match(seen, { id, label: 'Pay rent, due 2026-12-01, done', fingerprint: /^[0-9a-f]{64}$/ })
  const { fingerprint } = seen as Target
  t.match(await run('delete_task', { id }, contextOf(records, { fingerprint: 'of what it was' })), {
    outcome: 'failed'
  })
  t.match(await run('delete_task', { id }, contextOf(records)), { outcome: 'failed' }, 'what nobody was shown stays')
  t.ok((await run('delete_task', { id }, contextOf(records, { fingerprint }))).json.deleted)
  t.equal(await registry.get('delete_task')?.target({ id }, records), null)
  t.ok((await run('delete_task', { id }, contextOf(records))).json.notInTheList)
  t.equal((await run('complete_task', { id }, contextOf(records))).outcome, 'failed')
})

t.test('the same create again is the same task, also after the task was done', async t => {
  const { records, kept } = keptRecords()
  const context = contextOf(records)
  const first = await run('create_task', { title: 'Call Bo' }, context)
  t.strictSame(await run('create_task', { title: 'Call Bo' }, context), first)
  await run('complete_task', { id: first.json.created.id }, contextOf(records))
  t.strictSame(await run('create_task', { title: 'Call Bo' }, context), first)
  t.equal(kept.size, 1)
  await run('create_task', { title: 'Call Bo' }, contextOf(records))
  t.equal(kept.size, 2, 'another call with the same words is another task')
})

t.test('a task whose short id is taken by another call gets a longer one', async t => {
  const { records, kept } = keptRecords()
  const context = contextOf(records)
  const { json } = await run('create_task', { title: 'One' }, context)
  const record = [...kept.values()][0]
  await records.put({ kind: 'task', id: json.created.id }, { ...(record?.data as object), madeBy: 'another call' }, 1)
  const second = await run('create_task', { title: 'Two' }, context)
  t.match(second.json.created.id, /^t-[0-9a-z]{16}$/)
  t.equal(kept.size, 2)
})

t.test('a long list is cut to what a short answer holds and says how many are missing', async t => {
  const { records } = keptRecords()
  for (let i = 0; i < 60; i++) await run('create_task', { title: `Task ${i}` }, contextOf(records))
  const listed = (await run('list_tasks', {}, contextOf(records))).json
  t.equal(listed.tasks.length, 50)
  t.equal(listed.notShown, 10)
  t.equal(listed.tasks[0].title, 'Task 59', 'the newest stands first')
  for (let i = 0; i < 60; i++) await run('create_task', { title: '"'.repeat(500) }, contextOf(records))
  const { result, json } = await run('list_tasks', {}, contextOf(records))
  t.ok(result.length <= 16_000)
  t.equal(json.tasks.length + json.notShown, 120)
})

t.test('more tasks than a page of the store are all counted', async t => {
  const { records } = keptRecords()
  for (let i = 0; i < 501; i++) await run('create_task', { title: 'x' }, contextOf(records))
  t.equal((await run('list_tasks', {}, contextOf(records))).json.notShown, 451)
})

t.test('a change that was overtaken is made on what is there now, and given up after a few tries', async t => {
  const { records, kept, store } = keptRecords()
  const { id } = (await run('create_task', { title: 'One' }, contextOf(records))).json.created
  let rivals = 1
  store.beforePut = () => {
    if (rivals-- <= 0) return
    for (const [name, record] of kept) kept.set(name, { ...record, version: record.version + 1 })
  }
  t.equal((await run('complete_task', { id }, contextOf(records))).json.completed.done, true)
  rivals = Number.POSITIVE_INFINITY
  const { fingerprint } = (await (registry.get('delete_task') as Tool).target({ id }, records)) as Target
  t.match(await run('delete_task', { id }, contextOf(records, { fingerprint })), {
    outcome: 'failed',
    result: /try again/
  })
})

t.test('an export is all that is kept of the person as they saw it, sent to them and never to the model', async t => {
  const { records, store } = keptRecords()
  const [tool] = exportTools as [Tool]
  for (let i = 0; i < 501; i++) await records.put({ kind: 'task', id: `t-${i}` }, { title: `🔐 ${i}` }, 0)
  await records.put({ kind: 'contact', id: 'c-1' }, { name: 'Bo' }, 0)
  await userRecords(store, { tenant: 'AC1', user: 'ben' }).put({ kind: 'task', id: 't-9' }, { title: 'of Ben' }, 0)
  const target = (await tool.target({}, records)) as Target
  t.match(target, { label: 'tasks: 501, contacts: 1, about you: 0, wrong codes: 0', fingerprint: /^[0-9a-f]{64}$/ })
  const told: string[] = []
  const tell = async (text: string) => told.push(text)
  const call = (change: Partial<ToolContext>) =>
    tool.call(permitFor('export_data', {}), contextOf(records, { tell, ...change }))
  t.match(await call({ fingerprint: null }), { outcome: 'failed' }, 'nobody was shown it')
  const { fingerprint } = target
  const done = await call({ fingerprint })
  t.match(done, {
    outcome: 'done',
    result: '{"exported":"tasks: 501, contacts: 1, about you: 0, wrong codes: 0","messages":1}'
  })
  t.equal(told.length, 1)
  t.equal(told[0]?.match(/^t-\d+ /gm)?.length, 501)
  t.notMatch(told[0] ?? '', /🔐|of Ben/)
  t.equal(tool.class, 'H')
  t.equal(tool.repeatable, false, 'a crash in the middle is not sent again')

  const refused = async () => {
    throw new Failure('SEND_OPTED_OUT', { refused: true })
  }
  t.match(await call({ fingerprint, tell: refused }), { outcome: 'failed', result: /SEND_OPTED_OUT/ })
  const lost = async () => {
    throw new Failure('SEND_UNAVAILABLE')
  }
  await t.rejects(call({ fingerprint, tell: lost }), { code: 'SEND_UNAVAILABLE' })
  await records.put({ kind: 'task', id: 't-600' }, { title: 'x'.repeat(60_000) }, 0)
  t.match(await call({ fingerprint }), { outcome: 'failed', result: /changed/ })
  const more = ((await tool.target({}, records)) as Target).fingerprint
  t.match(await call({ fingerprint: more }), { outcome: 'failed', result: /too much/ })
  t.equal(told.length, 1)
})

t.test('users and tenants see their own tasks alone', async t => {
  const { store, records } = keptRecords()
  await run('create_task', { title: 'Mine' }, contextOf(records))
  for (const other of [
    { tenant: 'AC1', user: 'bo' },
    { tenant: 'AC2', user: 'ana' }
  ]) {
    t.strictSame((await run('list_tasks', {}, contextOf(userRecords(store, other)))).json.tasks, [])
  }
})

t.test('a task keeps the label of the words it was made of, and hands it on', async t => {
  const { records } = keptRecords()
  t.equal((await run('list_tasks', {}, contextOf(records))).integrity, undefined)
  await run('create_task', { title: 'Typed' }, contextOf(records, { integrity: 'user_typed' }))
  const { json } = await run('create_task', { title: 'Forwarded' }, contextOf(records, { integrity: 'user_forwarded' }))
  t.equal((await run('list_tasks', {}, contextOf(records))).integrity, 'user_forwarded')
  const { id } = json.created
  const completed = await run('complete_task', { id }, contextOf(records, { integrity: 'user_typed' }))
  t.equal(completed.integrity, 'user_forwarded')
  t.equal((await run('list_tasks', { done: true }, contextOf(records))).integrity, 'user_forwarded', 'it never rises')
})

t.test('a contact and a task hand their label on to what a person is asked and to what the model is told', async t => {
  const { records } = keptRecords()
  const label = (tool: string, args: Record<string, unknown>) => registry.get(tool)?.target(args, records)
  for (const [integrity, number] of [
    ['user_forwarded', '+15552220001'],
    ['user_typed', '+15552220002']
  ] as const) {
    const added = await run('add_contact', { name: 'Maria', number }, contextOf(records, { integrity }))
    const args = { contact: added.json.added.id, text: 'hello' }
    const target = await label('send_message', args)
    t.equal(target?.integrity, integrity)
    const sent = await run(
      'send_message',
      args,
      contextOf(records, { integrity: 'user_typed', fingerprint: target?.fingerprint ?? null })
    )
    t.match(sent, { json: { sent: { to: 'Maria' } }, integrity })
    const { json } = await run('create_task', { title: 'Pay' }, contextOf(records, { integrity }))
    t.equal((await label('delete_task', { id: json.created.id }))?.integrity, integrity)
  }
})

t.test('an id that could name something else is refused by the schema', async t => {
  for (const id of ['', 't-1', '__proto__', 't-abcdefgh:x', 't-abcdefgh\n', '../t-abcdefgh']) {
    t.match(registry.get('complete_task')?.read({ id }), { problem: /id: / }, JSON.stringify(id))
  }
  t.match(registry.get('create_task')?.read({ title: '  ' }), { problem: /title: / })
})
