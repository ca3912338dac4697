import type { DatabaseSync } from 'node:sqlite'
import { isDiskFault } from './disk-fault.ts'

/** What became of a change: its answer, kept by now, or why nothing of it was. */
export type Outcome = { readonly answer: unknown } | { readonly error: unknown }

/**
 * Commits changes together, so that one fsync serves all of them; answers what became of each, in their order. A change may be
 * run a second time after a rollback: it must do nothing but read and write `db`.
 */
export function createGroupCommit(db: DatabaseSync): (changes: readonly (() => unknown)[]) => Outcome[] {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const end = db.prepare('COMMIT')
  const undo = db.prepare('ROLLBACK')

  function transact(changes: readonly (() => unknown)[]): Outcome[] {
    begin.run()
    try {
      const outcomes = changes.map(change => ({ answer: change() }))
      end.run()
      return outcomes
    } catch (error) {
      // On a full disk SQLite has rolled back already, and a bare ROLLBACK would throw and hide the cause.
      if (db.isTransaction) undo.run()
      throw error
    }
  }

  function commit(changes: readonly (() => unknown)[]): Outcome[] {
    if (changes.length === 0) return []
    try {
      return transact(changes)
    } catch (error) {
      // One change with a fault of its own must not take the others with it: each is tried alone.
      if (changes.length > 1 && !isDiskFault(error)) return changes.flatMap(change => commit([change]))
      return changes.map(() => ({ error }))
    }
  }
  return commit
}
