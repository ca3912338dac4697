import { setTimeout as wait } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { uriOf } from '../store/open-mongodb.ts'
import { openPartition } from './partition.ts'

t.test('a cut connection stays open and says nothing; healed, what was said in between arrives', async t => {
  const partition = await openPartition()
  t.teardown(() => partition.close())
  const client = new MongoClient(partition.through(uriOf('partition')))
  t.teardown(() => client.close())
  const ping = () => client.db('admin').command({ ping: 1 })
  await ping()
  partition.cut()
  let answered = false
  const asked = ping().then(() => {
    answered = true
  })
  await wait(300)
  t.equal(answered, false)
  t.ok(partition.kept() > 0, 'the cut bit')
  const direct = new MongoClient(uriOf('partition'))
  t.teardown(() => direct.close())
  t.match(await direct.db('admin').command({ ping: 1 }), { ok: 1 }, 'others are not cut off')
  partition.heal()
  await asked
  t.ok(answered)
})

t.test('a connection that is dropped on healing fails, and the next one works', async t => {
  const partition = await openPartition()
  t.teardown(() => partition.close())
  const client = new MongoClient(partition.through(uriOf('partition')), { retryReads: false })
  t.teardown(() => client.close())
  const things = client.db().collection('things')
  await things.findOne()
  partition.cut()
  const asked = things.findOne().catch(error => error)
  await wait(100)
  partition.heal({ drop: true })
  t.type(await asked, Error)
  t.equal(await things.findOne(), null)
})
