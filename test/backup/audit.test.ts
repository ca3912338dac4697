import t from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { openTarget } from '../../src/transfer.ts'
import { message, step } from '../store/builders.ts'
import { claim, done } from '../store/contract/moves.ts'
import { openMongo, uriOf } from '../store/open-mongodb.ts'
import { auditRecord, entriesOf, masterKey, placeOf } from './filled.ts'

t.test('what waits in an execution to be told is in a backup, once, also where it was told already', async t => {
  const { store, visit, database } = await openMongo(t)
  const [untold, told] = [auditRecord(), auditRecord()]
  await store.accept(message())
  const { lease, execution } = (await claim(store))!
  // Outcomes are refused as if the process had died before it told them.
  await visit(db => db.command({ collMod: 'audit', validator: { outcome: null } }))
  const extras = { audit: { intents: [], outcomes: [untold, told] } }
  await store.finish(lease, execution.id, { ...done, frames: [step(execution)], extras, takeNext: false })
  const { id, at, detail, ...rest } = told
  const doc = { _id: id as never, at: new Date(at), detail: JSON.stringify(detail), ...rest }
  await visit(db => db.collection('audit').insertOne(doc, { bypassDocumentValidation: true }))

  const config = { databaseUri: uriOf(database), dataDir: '', masterKey, masterKeyNext: undefined, contentMs: 0 }
  const entries = (await entriesOf(config)).filter(({ type }) => type === 'audit')
  t.match(
    entries.toSorted((a, b) => ('id' in a && 'id' in b && a.id < b.id ? -1 : 1)),
    [untold, told].map(({ id, hash }) => ({ id, hash })).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  )
  t.equal(entries.length, 2)
})

for (const kind of ['SQLite', 'MongoDB'] as const) {
  t.test(`${kind}: a store that holds nothing but an audit record is not empty`, async t => {
    const place = placeOf(t, kind)
    const { store } = await place.open()
    await store.audit([auditRecord()])
    await store.close()
    const target = await openTarget(place, systemClock)
    t.equal(await target.begin('backup-1'), 'occupied')
    await target.close()
  })
}
