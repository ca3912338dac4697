import { MongoClient } from 'mongodb'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { openSource, openTarget } from '../../src/transfer.ts'
import { message } from '../store/builders.ts'
import { entriesOf, fill, type Place, placeOf } from './filled.ts'

// More than the first batch of a cursor brings.
const many = 150

t.test('a dump goes on where it was when the primary changes', async t => {
  const place = placeOf(t, 'MongoDB')
  const { store } = await place.open()
  await Promise.all(Array.from({ length: many }, (_, i) => store.accept(message({ lane: `lane-${i}` }))))
  const whole = await entriesOf(place)
  t.equal(whole.length, many)
  const asked = await failing(t, place, 'executions', ['aggregate', 'getMore', 'find'], 6)
  const source = await openSource(place)
  t.strictSame(await Array.fromAsync(source.entries()), whole)
  await source.close()
  t.ok((await asked()) >= 6, 'it was refused so often')
})

t.test('a restore goes on where it was when the primary changes', async t => {
  const from = placeOf(t, 'SQLite')
  await fill(await from.open())
  const entries = (await entriesOf(from)).map(entry =>
    entry.type === 'execution' && entry.state === 'running' ? { ...entry, state: 'queued' as const } : entry
  )
  const place = placeOf(t, 'MongoDB')
  await place.open()
  const target = await openTarget(place, systemClock)
  const asked = await failing(t, place, 'executions', ['update'], 3)
  await target.put(entries)
  await target.close()
  t.equal(await asked(), 3)
  const states = async (of: Place) =>
    (await entriesOf(of)).map(entry => (entry.type === 'execution' ? [entry.id, entry.n] : entry.type))
  t.strictSame(await states(place), await states(from))
})

/** Makes the server refuse commands on a collection so many times, as one that has stepped down; answers how often it has. */
async function failing(t: Test, place: Place, collection: string, commands: string[], times: number) {
  const client = new MongoClient(place.databaseUri ?? '')
  t.teardown(() => client.close())
  const admin = client.db('admin')
  const failPoint = (mode: object | string, data?: object) =>
    admin.command({ configureFailPoint: 'failCommand', mode, ...(data && { data }) })
  const namespace = `${client.db().databaseName}.${collection}`
  const before = (await failPoint({ times }, { failCommands: commands, namespace, errorCode: 10_107 })).count
  t.teardown(() => failPoint('off'))
  return async () => (await failPoint('off')).count - before
}
