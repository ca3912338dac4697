import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { createGroupCommit, type Outcome } from '../../src/store/sqlite/group-commit.ts'

const kinds = (outcomes: readonly Outcome[]) => outcomes.map(outcome => Object.keys(outcome)[0])

function open(t: Test) {
  const db = new DatabaseSync(':memory:')
  t.teardown(() => db.close())
  db.exec('CREATE TABLE things (id INTEGER PRIMARY KEY, body BLOB) STRICT')
  const put = db.prepare('INSERT INTO things VALUES (?, zeroblob(?))')
  const change =
    (id: number, size = 10) =>
    () =>
      Number(put.run(id, size).lastInsertRowid)
  const ids = () =>
    db
      .prepare('SELECT id FROM things ORDER BY id')
      .all()
      .map(({ id }) => id)
  return { db, commit: createGroupCommit(db), change, ids }
}

t.test('changes are committed together and answered in their order', async t => {
  const { commit, change, ids } = open(t)
  t.strictSame(commit([change(3), change(1), change(2)]), [{ answer: 3 }, { answer: 1 }, { answer: 2 }])
  t.strictSame(ids(), [1, 2, 3])
  t.strictSame(commit([]), [])
})

t.test('a change with a fault of its own is the only one that fails', async t => {
  const { commit, change, ids } = open(t)
  t.strictSame(kinds(commit([change(1), change(1), change(2)])), ['answer', 'error', 'answer'])
  t.strictSame(ids(), [1, 2])
})

t.test('a full disk takes the whole batch back, and the next one is committed once there is room', async t => {
  const { db, commit, change, ids } = open(t)
  db.exec('PRAGMA max_page_count = 20')
  t.strictSame(kinds(commit([change(1), change(2, 1_000_000)])), ['error', 'error'])
  t.strictSame(ids(), [])
  t.equal(db.isTransaction, false)
  t.strictSame(kinds(commit([change(1)])), ['answer'])
  t.strictSame(ids(), [1])
})
