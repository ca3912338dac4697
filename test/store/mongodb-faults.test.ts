import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { asAdmin, primaryOf, type ReplicaSet, startMember, startReplicaSet } from '../mongod.ts'
import { message } from './builders.ts'
import { claim, second } from './contract/moves.ts'
import { openMongo } from './open-mongodb.ts'

t.test('an insert that fails without a word of what failed is not acknowledged', async t => {
  const set = await start(t, 1)
  const { store } = await openMongo(t, { server: set.uri })
  const failing = message()
  // NotWritablePrimary, also for the driver's own second try: it reports an empty list of write errors.
  await asAdmin(set.uri, {
    configureFailPoint: 'failCommand',
    mode: { times: 2 },
    data: { failCommands: ['insert'], errorCode: 10_107 }
  })
  t.match(await store.accept(failing).catch(error => error), { code: 'STORE_UNAVAILABLE', cause: { code: /10107/ } })
  t.equal(await store.read(failing.id), null)
  t.equal(await store.accept(failing), 'accepted')
})

t.test('a call that is never answered holds nobody else up for longer than the deadline', async t => {
  const set = await start(t, 1)
  const { store } = await openMongo(t, { server: set.uri })
  const [head, next] = [message({ lane: 'a' }), message({ lane: 'a' })]
  const block = (...commands: string[]) =>
    asAdmin(set.uri, {
      configureFailPoint: 'failCommand',
      mode: { times: 1 },
      data: { failCommands: commands, blockConnection: true, blockTimeMS: 9 * second }
    })
  await block('insert')
  t.match(await store.accept(head).catch(error => error), { code: 'STORE_UNAVAILABLE' })
  const started = performance.now()
  t.equal(await store.accept(next), 'accepted', 'of the same lane')
  t.ok(performance.now() - started < second)
  // The ring of this one hangs: the next one rings all the same.
  await block('update')
  t.equal(await store.accept(message({ lane: 'b' })), 'accepted')
  await setTimeout(100)
  t.equal(await store.accept(message({ lane: 'c' })), 'accepted')
  // A claim waits for the rings before it, and for no longer than they may take.
  const lanes = [await claim(store), await claim(store)].map(found => found?.lease.lane)
  t.strictSame(lanes.sort(), ['a', 'c'])
})

t.test('a lane that was taken for nobody is given back, and its claim does not count', async t => {
  const set = await start(t, 1)
  const { store, database } = await openMongo(t, { server: set.uri })
  const fail = (mode: object, data: object) =>
    asAdmin(set.uri, {
      configureFailPoint: 'failCommand',
      mode,
      data: { failCommands: ['findAndModify'], namespace: `${database}.executions`, ...data }
    })
  await store.accept(message())
  // The head cannot be looked at; then it is, too late.
  await fail({ times: 2 }, { errorCode: 10_107 })
  t.match(await claim(store).catch(error => error), { code: 'STORE_UNAVAILABLE' })
  await setTimeout(second)
  await fail({ times: 1 }, { blockConnection: true, blockTimeMS: 6 * second })
  t.match(await claim(store).catch(error => error), { code: 'STORE_UNAVAILABLE' })
  await setTimeout(2.5 * second)
  t.match(await claim(store), { execution: { claims: 1 } }, 'long before the lease has run out')
})

t.test('stepdowns and kills of the primary under load lose nothing that was acknowledged', async t => {
  const set = await start(t, 3)
  const { store, visit } = await openMongo(t, { server: set.uri })
  const acknowledged: { id: string; lane: string; at: number }[] = []
  let stopped = false
  const senders = Array.from({ length: 8 }, async (_, lane) => {
    while (!stopped) {
      const { id } = message()
      const one = message({ id, lane: `lane-${lane}` })
      // As Twilio does: a message that was refused comes again.
      let answer: string | undefined
      while (answer === undefined) answer = await store.accept(one).catch(() => undefined)
      acknowledged.push({ id, lane: one.lane, at: performance.now() })
    }
  })
  const primaries = new Set<string>()
  for (let round = 0; round < 2; round++) {
    primaries.add(await primaryOf(set.uri))
    await asAdmin(set.uri, { replSetStepDown: 3, secondaryCatchUpPeriodSecs: 2, force: true })
    await setTimeout(3 * second)
  }
  const killed = await primaryOf(set.uri)
  const member = set.members.find(({ host }) => host === killed)!
  member.kill('SIGKILL')
  await member.exited
  await setTimeout(6 * second)
  const { port, dir } = member
  const again = await startMember({ port, dir })
  t.teardown(() => again.stop())
  await setTimeout(second)
  stopped = true
  await Promise.all(senders)
  primaries.add(await primaryOf(set.uri))

  const pauses = acknowledged.slice(1).map(({ at }, i) => at - (acknowledged[i]?.at ?? at))
  t.ok(
    primaries.size > 1 && Math.max(...pauses) > 500,
    `the faults bit: ${Math.round(Math.max(...pauses))} ms without a primary`
  )
  t.ok(acknowledged.length > 100)
  await visit(async db => {
    const kept = await db.collection('executions').find().sort({ arrived: 1 }).toArray()
    for (const lane of new Set(acknowledged.map(each => each.lane))) {
      const ids = (all: readonly { lane: string }[], id: (each: never) => unknown) =>
        all.filter(each => each.lane === lane).map(id as never)
      const inOrder = ids(kept as never, ({ _id }: { _id: string }) => _id)
      t.strictSame(
        inOrder,
        ids(acknowledged, ({ id }: { id: string }) => id),
        `${inOrder.length} of ${lane}`
      )
    }
  })
})

t.test('without a majority nothing is acknowledged, not even a repeat; then each is there once', async t => {
  const set = await start(t, 3)
  const { store, visit } = await openMongo(t, { server: set.uri })
  const known = message()
  await store.accept(known)
  const primary = await primaryOf(set.uri)
  const others = set.members.filter(({ host }) => host !== primary)
  for (const member of others) member.kill('SIGSTOP')
  const [fresh, more] = [message(), message({ lane: 'other' })]
  const started = performance.now()
  const answers = await Promise.allSettled([fresh, known, more].map(one => store.accept(one)))
  t.ok(performance.now() - started < 5 * second)
  t.strictSame(
    answers.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected']
  )
  for (const member of others) member.kill('SIGCONT')
  for (const one of [fresh, known, more]) {
    let answer: string | undefined
    while (answer === undefined) answer = await store.accept(one).catch(() => undefined)
    t.match(answer, one === known ? 'duplicate' : /accepted|duplicate/)
  }
  await visit(async db => t.equal(await db.collection('executions').countDocuments(), 3))
})

t.test('a store that is gone for a while refuses in time, and goes on by itself', async t => {
  const set = await start(t, 1)
  const { store } = await openMongo(t, { server: set.uri })
  const heard: number[] = []
  store.onRing(() => heard.push(performance.now()))
  await store.accept(message())
  while (heard.length === 0) await setTimeout(5)
  const [member] = set.members
  member!.kill('SIGKILL')
  await member!.exited
  const started = performance.now()
  const refusals = await Promise.all([store.accept(message()), store.ready()].map(call => call.catch(error => error)))
  for (const refusal of refusals) t.match(refusal, { code: 'STORE_UNAVAILABLE' })
  t.ok(performance.now() - started < 5 * second)
  const { port, dir } = member!
  const again = await startMember({ port, dir })
  t.teardown(() => again.stop())
  let back = false
  while (!back)
    back = await store.ready().then(
      () => true,
      () => false
    )
  t.ok(await claim(store), 'the message from before')
  heard.length = 0
  t.equal(await store.accept(message({ lane: 'new' })), 'accepted')
  await setTimeout(100)
  t.ok(heard.length > 0)
})

t.test(
  'rings of other processes are heard again after the server has killed the cursor that listens to them',
  async t => {
    const set = await start(t, 1)
    const { store, database, visit } = await openMongo(t, { server: set.uri })
    const other = await openMongo(t, { server: set.uri, database })
    let heard = 0
    store.onRing(() => {
      heard += 1
    })
    const ring = async () => {
      const before = heard
      for (let i = 0; heard === before && i < 50; i++) {
        await other.store.accept(message({ lane: `lane-${i}` }))
        await setTimeout(100)
      }
      return heard > before
    }
    t.ok(await ring())
    let killed = 0
    await visit(async db => {
      const operations = db.admin().command({ currentOp: true, ns: `${database}.lanes`, op: 'getmore' })
      const cursors = (await operations).inprog.map((each: { cursor: { cursorId: unknown } }) => each.cursor.cursorId)
      const answer = await db.command({ killCursors: 'lanes', cursors })
      killed = answer.cursorsKilled.length
    })
    t.equal(killed, 1)
    await setTimeout(2 * second)
    t.ok(await ring())
  }
)

async function start(t: Test, members: number): Promise<ReplicaSet> {
  const set = await startReplicaSet(members)
  t.teardown(() => set.stop())
  return set
}
