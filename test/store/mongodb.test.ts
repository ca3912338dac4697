import { setTimeout } from 'node:timers/promises'
import type { Document } from 'mongodb'
import t from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { createAcceptBatches } from '../../src/store/mongodb/accept-batches.ts'
import { collectionsOf } from '../../src/store/mongodb/collections.ts'
import type { Reach } from '../../src/store/mongodb/connection.ts'
import { createHeads } from '../../src/store/mongodb/heads.ts'
import type { Ring } from '../../src/store/mongodb/lanes.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import { message, question, remark, step } from './builders.ts'
import { claim, day, done, hour, leaseMs, minute, work } from './contract/moves.ts'
import { contract } from './contract.ts'
import { openMongo, uriOf } from './open-mongodb.ts'

t.test('MongoDB keeps the contract of the store', async t => {
  contract(t, t => openMongo(t))
})

t.test('two replicas share lanes, dedupe and counters, and hear of each other', async t => {
  const one = await openMongo(t)
  const two = await openMongo(t, { database: one.database })
  const heard = new Promise<void>(resolve => two.store.onRing(resolve))
  // The stream of changes takes a moment to open, and what rings before that is left to polling.
  const ringing = setInterval(() => void one.store.accept(message({ lane: 'ringing' })), 50)
  await heard
  clearInterval(ringing)
  await setTimeout(100)
  await work(one.store)

  const same = message()
  const answers = await Promise.all([one, two, one, two].map(({ store }) => store.accept(same)))
  t.equal(answers.filter(answer => answer === 'accepted').length, 1)
  const claims = await Promise.all([claim(one.store), claim(two.store)])
  t.equal(claims.filter(Boolean).length, 1)
  const counts = await Promise.all([one, two, one, two].map(({ store }) => store.take('sender', minute)))
  t.strictSame(counts.map(({ count }) => count).toSorted(), [1, 2, 3, 4])
})

t.test('lanes of a crowd are rung together', async t => {
  const { visit } = await openMongo(t)
  await visit(async db => {
    const sizes: number[] = []
    // Rings that take no time: what is counted is how often the server would be asked.
    const lanes = { ring: async (rings: readonly Ring[]) => void sizes.push(rings.length) }
    const { executions } = collectionsOf(db)
    const reach: Reach = call => call()
    const batches = createAcceptBatches({ executions, lanes, clock: systemClock, contentMs: day, reach })
    const accepted: Promise<unknown>[] = []
    const started = performance.now()
    for (let i = 0; i < 400; i++) {
      accepted.push(batches.accept(message({ lane: `crowd-${i}` })))
      if (i % 4 === 0) await setTimeout(1)
    }
    await Promise.all(accepted)
    const tookMs = performance.now() - started
    t.ok(sizes.length <= 2 + tookMs / 10, `${sizes.length} statements in ${Math.round(tookMs)} ms`)
    await batches.rung()
    t.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      400,
      'all by the time that somebody looks for work'
    )

    let waited = 0
    for (let i = 0; i < 20; i++) {
      await Promise.all([1, 2].map(j => batches.accept(message({ lane: `pair-${i}-${j}` }))))
      await setTimeout(1)
      const asked = performance.now()
      await batches.rung()
      waited += performance.now() - asked
    }
    t.ok(waited < 100, `who looks for work waited ${waited} ms in all, and not ten each time`)
  })
})

t.test('a zombie that took a lane does not stamp over the holder after it', async t => {
  const { store, visit } = await openMongo(t)
  await store.accept(message())
  await visit(async db => {
    const { run, runAll } = createHeads(collectionsOf(db).executions, { tellSoon: () => {} })
    const lease = { lane: 'lane-1', tenant: 'tenant-1' }
    t.match(await run({ ...lease, token: 'new', fence: 2 }), { token: 'new', claims: 1 })
    t.equal(await run({ ...lease, token: 'old', fence: 1 }), 'lost')
    const empty = { ...lease, lane: 'empty', token: 'empty', fence: 1 }
    t.strictSame(await runAll([{ ...lease, token: 'old', fence: 1 }, empty]), ['lost', null])
    t.match(await runAll([empty, { ...lease, token: 'newer', fence: 3 }]), [null, { token: 'newer', claims: 2 }])
  })
  t.match(await store.read('message-nobody'), null)
})

t.test('bytes of a holder that was replaced do not replace those of the next', async t => {
  const { store, clock } = await openMongo(t)
  const { id } = message()
  await store.accept(message({ id }))
  const old = (await claim(store))!
  clock.advance(leaseMs + 1)
  const now = (await claim(store))!
  const blob = (text: string) => ({ blob: { bytes: Buffer.from(text), purgeAt: clock.now() + day } })
  t.equal(await store.append(now.lease, id, [step(now.execution)], blob('new')), true)
  t.equal(await store.append(old.lease, id, [step(old.execution)], blob('old')), false)
  t.equal(String(Buffer.from((await store.blob(`${id}:2`))!)), 'new')
})

t.test('no statement that works depends on how much is stored', async t => {
  const { store, clock, visit } = await openMongo(t)
  for (let i = 0; i < 3_000; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, k) => store.accept(message({ lane: `lane-${i + k}` }))))
  }
  await visit(db => db.command({ profile: 2 }))
  const { lease, execution } = (await claim(store))!
  await store.heartbeat(lease, leaseMs)
  const blob = { bytes: Buffer.from('x'), purgeAt: clock.now() + hour }
  const two = step(execution)
  await store.append(lease, execution.id, [two], { refs: ['SM1'], blob })
  await store.note(execution.id, remark(two, execution.id))
  const kept = (await store.read(execution.id))!
  const timerAt = clock.now() + hour
  const approval = question(timerAt)
  await store.park(lease, kept.id, { frames: [step(kept)], approval, timerAt, takeNext: true })
  const parked = (await store.read(kept.id))!
  await store.decide(kept.id, step(parked), { id: approval.id, state: 'approved' })
  const next = (await claim(store))!
  await store.finish(next.lease, next.execution.id, {
    ...done,
    state: 'dead',
    takeNext: true,
    purgeAt: clock.now() + day
  })
  await store.reopen(next.execution.id, step((await store.read(next.execution.id))!))
  await store.release((await claim(store))!.lease)
  await Promise.all([store.due(10), store.find('SM1'), store.blob(`${kept.id}:2`), store.lastInbound('lane-1')])
  await Promise.all([store.earlier('lane-1', kept.id, 10), store.conversation('lane-1', 5), store.take('key', minute)])
  const key = { tenant: 't', user: 'u', kind: 'k', id: 'i' }
  for (const [data, version] of [
    ['a', 0],
    ['b', 1],
    [null, 2]
  ] as const)
    await store.putRecord(key, data, version)
  await Promise.all([store.record(key), store.records(key, { after: 'a', limit: 3 }), store.sweep(), store.ready()])
  await visit(async db => {
    await db.command({ profile: 0 })
    const seen = await db
      .collection('system.profile')
      .find({ ns: { $not: /system|meta$/ } })
      .toArray()
    t.ok(seen.length > 40)
    const scans = seen.filter(({ planSummary = '' }) => planSummary.includes('COLLSCAN'))
    t.strictSame(
      scans.map(({ ns, command }) => ({ ns, command })),
      []
    )
    const claims = seen.filter(
      ({ op, ns, command }: Document) => op === 'command' && ns.endsWith('.lanes') && command.findAndModify
    )
    t.equal(claims.length, 3)
    for (const { keysExamined, docsExamined } of claims)
      t.ok(keysExamined <= 2 && docsExamined <= 2, `${keysExamined} keys`)
  })
})

t.test('what cannot be opened says why, and never the password', async t => {
  const { database, visit } = await openMongo(t)
  const open = (uri: string) =>
    openMongoStore({ uri, clock: systemClock, entropy: systemEntropy, contentMs: 1 }).then(
      () => new Error('it opened'),
      (error: Error) => error
    )
  const told = await open('mongodb://u:S3cret@[db/knomly')
  t.match(told.message, /^MONGODB_URI cannot be read/)
  const gone = await open('mongodb://u:S3cret@127.0.0.1:9/knomly?serverSelectionTimeoutMS=100')
  t.match(gone, { code: 'STORE_UNAVAILABLE' })
  t.notMatch(JSON.stringify([told.message, gone.message, gone.cause]), /S3cret/)

  await visit(db => db.collection('meta').updateOne({ version: 1 }, { $set: { version: 99 } }))
  t.match((await open(uriOf(database))).message, /schema version 99, and this build .* reads version 1/)
  await visit(async db => {
    t.match(await db.collection('meta').findOne({ version: { $exists: true } }), { version: 99 })
    await db.collection('meta').updateOne({ version: 99 }, { $set: { version: 1 } })
    await db.collection('lanes').dropIndex('due')
    await db.collection('lanes').createIndex({ tenant: 1 }, { name: 'due' })
  })
  t.match((await open(uriOf(database))).message, /^Indexes are not as this build needs them \(lanes.due\): drop those/)
})
