import { Failure } from '../../../src/frames/failure.ts'
import type { AuditQuery, AuditRecord } from '../../../src/store/audit.ts'
import type { Store } from '../../../src/store/store.ts'
import { message, step, told } from '../builders.ts'
import type { Suite } from '../contract.ts'
import { acceptAll, claim, day, done, hour, refused } from './moves.ts'

const tenants = ['tenant-1']
const noon = Date.UTC(2026, 5, 1, 12)
const at = (ms: number) => new Date(noon + ms).toISOString()

/** What is told for good: with the frames it tells of, in order, and found again. */
export function audit(test: Suite): void {
  test('what is told is there as it was told, and telling it again changes nothing', async (t, { store }) => {
    const one = told({ detail: { $tool: 'a.b', ms: 1.5, ok: true, none: null }, execution: 'one' })
    await store.audit([one, told({ id: one.id, actor: 'somebody else' })])
    await store.audit([{ ...one, outcome: 'changed' }, told()])
    await Promise.all([store.audit([one]), store.audit([one]), store.audit([])])
    const { records } = await store.auditPage({ tenants, limit: 10 })
    t.equal(records.length, 2)
    t.strictSame(
      records.find(({ id }) => id === one.id),
      one
    )
  })

  test('intents and outcomes are kept with the frames that they tell of', async (t, { store }) => {
    const [{ id } = message()] = await acceptAll(store, 1)
    const { lease, execution } = (await claim(store))!
    const [intent, outcome, last] = [told({ outcome: null }), told(), told()]
    const two = step(execution)
    const audit = { intents: [intent], outcomes: [outcome] }
    t.equal(await store.append(lease, id, [two], { audit }), true)
    const extras = { audit: { intents: [], outcomes: [last] } }
    await store.finish(lease, id, { ...done, frames: [step(two, id)], extras, takeNext: false })
    t.strictSame(await idsOnce(store, 3), [intent, outcome, last].map(each => each.id).sort())
  })

  test('of frames that were refused no outcome is told', async (t, { store }) => {
    const [{ id } = message()] = await acceptAll(store, 1)
    const { lease, execution } = (await claim(store))!
    const past = step(step(execution), id)
    const extras = { audit: { intents: [], outcomes: [told()] } }
    t.equal(await store.append(lease, id, [past], extras), false)
    const end = { ...done, frames: [past], extras, takeNext: false }
    t.strictSame(await store.finish(lease, id, end), refused)
    t.equal(await store.reopen(id, past, [told()]), false)
    const sentinel = told()
    await store.append(lease, id, [step(execution)], { audit: { intents: [], outcomes: [sentinel] } })
    t.strictSame(await idsOnce(store, 1), [sentinel.id])
  })

  test('a message and an operator who sends it back to work are told of once', async (t, { store }) => {
    const [refusal, retry] = [told(), told()]
    const refusedMessage = message({ state: 'refused', audit: [refusal] })
    t.equal(await store.accept(refusedMessage), 'accepted')
    t.equal(await store.accept({ ...refusedMessage, audit: [told()] }), 'duplicate')
    t.equal(await store.reopen(refusedMessage.id, step((await store.read(refusedMessage.id))!), [retry]), true)
    t.strictSame(await idsOnce(store, 2), [refusal.id, retry.id].sort())
  })

  test('records outlive the execution that was purged', async (t, { store, clock }) => {
    const outcome = told({ at: new Date(clock.now()).toISOString() })
    await store.accept(message({ state: 'refused', audit: [outcome] }))
    await idsOnce(store, 1)
    clock.advance(31 * day)
    while ((await store.sweep()).purged === 0) {}
    t.strictSame(await idsOnce(store, 1), [outcome.id])
  })

  test('the sweep deletes records past their retention, of every tenant, and no sooner', async (t, {
    store,
    clock
  }) => {
    const all = ['a', 'b', 'c']
    const on = (days: number) =>
      all.map(tenant => told({ tenant, at: new Date(clock.now() + days * day).toISOString() }))
    const [old, young] = [on(0), on(2)]
    await store.audit(old)
    t.equal(await store.seal(), 3)
    clock.advance(2 * day)
    await store.audit(young)
    t.equal(await store.seal(), 3)
    clock.advance(398 * day - 1_000)
    await store.sweep()
    t.equal((await allIds(store, { tenants: all, limit: 10 })).length, 6)
    clock.advance(day)
    await store.sweep()
    t.strictSame((await allIds(store, { tenants: all, limit: 10 })).sort(), young.map(({ id }) => id).sort())
  })

  test('pages go from the newest back and neither repeat nor leave out a record', async (t, { store }) => {
    const records = Array.from({ length: 23 }, (_, i) => told({ at: at(i < 12 ? 0 : i) }))
    await store.audit(records)
    const expected = records.toSorted((a, b) => (a.at + a.id < b.at + b.id ? 1 : -1)).map(({ id }) => id)
    for (const limit of [1, 5, 23, 50]) t.strictSame(await allIds(store, { tenants, limit }), expected)
    const first = await store.auditPage({ tenants, limit: 20 })
    await store.audit([told({ at: at(hour) })])
    const rest = await store.auditPage({ tenants, limit: 20, after: first.next ?? '' })
    t.strictSame(
      [...first.records, ...rest.records].map(({ id }) => id),
      expected,
      'whatever is told in between'
    )
    t.equal(rest.next, null)
  })

  test('each filter finds what it names, also together, in the order of time', async (t, { store }) => {
    const executions = ['messaging:AC1:SM1', 'messaging:AC1:SM2']
    const records = ['tenant-1', 'tenant-2', 'server'].flatMap(tenant =>
      ['ann', 'bob'].flatMap(actor =>
        ['tool.call', 'reply.send'].flatMap(action =>
          executions.map((execution, i) =>
            told({
              id: `${execution}:${i + 2}:${tenant}-${actor}-${action}`,
              tenant,
              actor,
              action,
              execution,
              at: at(i)
            })
          )
        )
      )
    )
    await store.audit(records)
    const all = ['tenant-1', 'tenant-2', 'server']
    const queries: Omit<AuditQuery, 'limit'>[] = all
      .map(tenant => [tenant])
      .concat([all])
      .flatMap(tenants =>
        [undefined, 'ann'].flatMap(actor =>
          [undefined, 'tool.call'].flatMap(action =>
            [undefined, executions[1]].map(execution => ({ tenants, actor, action, execution }))
          )
        )
      )
    for (const query of queries) {
      const fits = (record: AuditRecord) =>
        query.tenants.includes(record.tenant) &&
        [undefined, record.actor].includes(query.actor) &&
        [undefined, record.action].includes(query.action) &&
        [undefined, record.execution].includes(query.execution)
      const expected = records.filter(fits).toSorted((a, b) => (a.at + a.id < b.at + b.id ? 1 : -1))
      for (const limit of [3, 100]) {
        t.strictSame(
          await allIds(store, { ...query, limit }),
          expected.map(({ id }) => id),
          JSON.stringify(query)
        )
      }
    }
    for (const execution of ['messaging', 'messaging:AC1', 'messaging:AC1:SM', 'messaging:AC1:SM1:2', '']) {
      t.strictSame(await allIds(store, { tenants: all, execution, limit: 5 }), [])
    }
    t.strictSame(await allIds(store, { tenants: [], limit: 5 }), [])
  })

  test('a stretch of time holds its beginning and not its end', async (t, { store }) => {
    const records = [0, 1, 2, 3].map(ms => told({ id: `execution:${ms + 1}:done`, execution: 'execution', at: at(ms) }))
    await store.audit(records)
    const within = (from?: string, to?: string) =>
      Promise.all([
        allIds(store, { tenants, from, to, limit: 1 }),
        allIds(store, { tenants, from, to, actor: 'principal-1', limit: 10 }),
        allIds(store, { tenants, from, to, execution: 'execution', limit: 2 })
      ])
    const thrice = (...n: number[]) => [0, 1, 2].map(() => n.map(ms => records[ms]?.id))
    t.strictSame(await within(at(1), at(3)), thrice(2, 1))
    t.strictSame(await within(at(1)), thrice(3, 2, 1))
    t.strictSame(await within(undefined, at(1)), thrice(0))
    t.strictSame(await within(at(2), at(1)), thrice())
    t.strictSame(await within('2026-06-01T14:00:00.001+02:00', at(2)), thrice(1))
  })

  test('a place in the list that no page gave is refused', async (t, { store }) => {
    const broken = ['x', '!', Buffer.from('1').toString('base64url'), Buffer.from('x:y').toString('base64url')]
    for (const after of broken) {
      for (const execution of [undefined, 'one']) {
        const failure = await store.auditPage({ tenants, after, execution, limit: 1 }).catch(error => error)
        t.ok(failure instanceof Failure && failure.code === 'QUERY_INVALID')
      }
    }
  })
}

async function allIds(store: Store, query: AuditQuery): Promise<string[]> {
  const ids: string[] = []
  let after: string | undefined
  do {
    const page = await store.auditPage({ ...query, after })
    ids.push(...page.records.map(({ id }) => id))
    after = page.next ?? undefined
  } while (after !== undefined)
  return ids
}

/** The ids of all records, sorted, once there are so many: an outcome is told a moment after its frames are kept. */
async function idsOnce(store: Store, count: number): Promise<string[]> {
  for (;;) {
    const ids = await allIds(store, { tenants, limit: 100 })
    if (ids.length >= count) return ids.sort()
  }
}
