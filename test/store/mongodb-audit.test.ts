import { setTimeout } from 'node:timers/promises'
import type { Db, Document } from 'mongodb'
import t from 'tap'
import type { AuditQuery, AuditRecord } from '../../src/store/audit.ts'
import { message, step, told } from './builders.ts'
import { claim, day, done } from './contract/moves.ts'
import { type OpenedMongo, openMongo } from './open-mongodb.ts'

const tenants = ['tenant-1']

t.test('where an intent cannot be kept nothing is written, and the next try writes both', async t => {
  const { store, refuse, allow, allTold } = await openWithGuard(t)
  await store.accept(message({ id: 'one' }))
  const { lease, execution } = (await claim(store))!
  const intent = told({ id: 'one:2:intent', outcome: null })
  const append = () =>
    store.append(lease, 'one', [step(execution)], { audit: { intents: [intent], outcomes: [] } }).catch(error => error)
  await refuse()
  t.match(await append(), { code: 'STORE_UNAVAILABLE' })
  t.equal((await store.read('one'))?.n, 1)
  await allow()
  t.equal(await append(), true)
  t.strictSame(await allTold(), ['one:2:intent'])
})

t.test('an outcome waits in its execution until it can be told, and the sweep tells it once', async t => {
  const { store, clock, refuse, allow, allTold, untold } = await openWithGuard(t)
  const outcome = told({ id: 'one:2:outcome', at: new Date(clock.now()).toISOString() })
  await store.accept(message({ id: 'one' }))
  const { lease, execution } = (await claim(store))!
  await refuse()
  const extras = { audit: { intents: [], outcomes: [outcome] } }
  const end = { ...done, frames: [step(execution)], extras, takeNext: false, purgeAt: clock.now() + day }
  t.match(await store.finish(lease, 'one', end), { ended: true })
  clock.advance(2 * day)
  t.match(await store.sweep().catch(error => error), { code: 'STORE_UNAVAILABLE' })
  t.equal((await store.read('one'))?.frames.length, 2, 'nothing is purged before it is told')
  t.equal(await untold(), 1)
  await allow()
  await store.sweep()
  t.strictSame(await allTold(), ['one:2:outcome'])
  t.equal(await untold(), 0)
  await store.sweep()
  t.match(await store.read('one'), { n: 2, frames: [] })
  t.strictSame(await allTold(), ['one:2:outcome'])
})

t.test('what a crash left untold is told when the execution is claimed again', async t => {
  const { store, visit, allTold, untold } = await openWithGuard(t)
  await store.accept(message({ id: 'one' }))
  const left = JSON.stringify(told({ id: 'one:1:done' }))
  await visit(db => db.collection('executions').updateOne({ n: 1 }, { $set: { untold: [left] } }))
  await claim(store)
  while ((await untold()) > 0) await setTimeout(5)
  t.strictSame(await allTold(), ['one:1:done'])
})

t.test('a query looks at no key that it does not return, of 20,000', async t => {
  const { store, visit } = await openMongo(t)
  const all = ['tenant-1', 'tenant-2', 'server']
  const records = Array.from({ length: 20_000 }, (_, i) => thing(i, all))
  for (let i = 0; i < records.length; i += 1_000) await store.audit(records.slice(i, i + 1_000))
  const middle = records[10_000]!
  const named: Omit<AuditQuery, 'tenants' | 'limit'>[] = [
    {},
    { actor: 'actor-7' },
    { action: 'reply.send' },
    { actor: 'actor-7', action: 'reply.send' },
    { from: records[8_000]!.at, to: middle.at },
    { actor: 'nobody' },
    { execution: middle.execution ?? '' },
    { execution: 'messaging' }
  ]
  for (const names of named) {
    for (const tenants of [['tenant-1'], all]) {
      let after: string | undefined
      for (let page = 0; page < 3; page++) {
        const seen = await profiled(visit, async () => {
          after = (await store.auditPage({ ...names, tenants, after, limit: 20 })).next ?? undefined
        })
        const sum = (count: (each: Document) => number) => seen.reduce((total, each) => total + count(each), 0)
        const keys = sum(each => each.keysExamined)
        const returned = sum(each => each.nreturned)
        const stages = seen.map(each => each.planSummary).join(' ')
        t.ok(
          keys <= returned + tenants.length - 1,
          `${keys} keys for ${returned} of ${tenants}: ${JSON.stringify(names)}`
        )
        t.notMatch(stages, /COLLSCAN/)
        t.notMatch(JSON.stringify(seen.map(each => each.execStats)), /"stage":"SORT"/)
        if (after === undefined) break
      }
    }
  }
})

/** One of many records: three of an instant, fifty actors, four of an execution. */
function thing(i: number, all: readonly string[]): AuditRecord {
  const execution = `messaging:AC1:SM${String(Math.floor(i / 4)).padStart(8, '0')}`
  return told({
    id: `${execution}:${(i % 4) + 2}:outcome`,
    execution,
    tenant: all[(i * 7) % 3] ?? '',
    at: new Date(Date.UTC(2026, 0, 1) + Math.floor(i / 3) * 50).toISOString(),
    actor: `actor-${(i * 13) % 50}`,
    action: i % 2 === 0 ? 'tool.call' : 'reply.send'
  })
}

/** What the server did for the audit while `body` ran. */
async function profiled(visit: OpenedMongo['visit'], body: () => Promise<void>): Promise<Document[]> {
  let seen: Document[] = []
  await visit(async db => {
    await db.command({ profile: 2, filter: { ns: `${db.databaseName}.audit` } })
    await body()
    await db.command({ profile: 0 })
    seen = await db.collection('system.profile').find().toArray()
    await db.dropCollection('system.profile')
  })
  return seen
}

/** A store whose audit can be kept from taking anything. */
async function openWithGuard(t: Parameters<typeof openMongo>[0]) {
  const opened = await openMongo(t)
  const guard = (validator: Document) => opened.visit((db: Db) => db.command({ collMod: 'audit', validator }))
  return {
    ...opened,
    refuse: () => guard({ _id: 'nothing' }),
    allow: () => guard({}),
    allTold: async () => (await opened.store.auditPage({ tenants, limit: 50 })).records.map(({ id }) => id),
    async untold() {
      let count = 0
      await opened.visit(async db => {
        count = await db.collection('executions').countDocuments({ untold: { $exists: true } })
      })
      return count
    }
  }
}
