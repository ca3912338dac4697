import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../frames/clock.ts'
import { Failure } from '../../frames/failure.ts'

/** The most changes one transaction takes: it bounds how long the event loop stands still. */
const maxBatch = 1_000

/** How long a change may wait for its turn, ms: the webhook behind it must be answered within five seconds. */
const deadlineMs = 4_500

/** SQLite's result codes that mean a fault of ours and not of the disk (https://sqlite.org/rescode.html): ERROR, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE. */
const ownFaults: ReadonlySet<number> = new Set([1, 18, 19, 20, 21, 25])

interface Waiter {
  change: () => unknown
  since: number
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

/** The one way to write: `write` resolves once its change is on disk, `flush` runs what still waits and then takes no more. */
export interface GroupCommit {
  write<T>(change: () => T): Promise<T>
  flush(): void
}

/**
 * Commits together whatever arrived in the same turn of the event loop, so that one fsync serves all of it. A change may be run
 * a second time after a rollback: it must do nothing but read and write `db`. Rejects with STORE_UNAVAILABLE when the disk
 * refuses, when the change waited too long (it is never run then) or after `flush`.
 */
export function createGroupCommit(parts: { db: DatabaseSync; clock: Clock; onCommit: () => void }): GroupCommit {
  const { db, clock, onCommit } = parts
  const transact = transactions(db)
  const queue: Waiter[] = []
  let closed = false

  function run(): void {
    const batch = queue.splice(0, maxBatch)
    if (queue.length > 0) setImmediate(run)
    const now = clock.monotonic()
    for (const late of batch.filter(waiter => now - waiter.since > deadlineMs))
      late.reject(unavailable('waited too long'))
    commit(batch.filter(waiter => now - waiter.since <= deadlineMs))
    onCommit()
  }

  function commit(batch: Waiter[]): void {
    if (batch.length === 0) return
    try {
      const results = transact(() => batch.map(waiter => waiter.change()))
      for (const [i, waiter] of batch.entries()) waiter.resolve(results[i])
    } catch (error) {
      // One change with a fault of its own must not take the others with it: each is tried alone.
      if (batch.length > 1 && !isDiskFault(error)) for (const waiter of batch) commit([waiter])
      else for (const waiter of batch) waiter.reject(asFailure(error))
    }
  }

  return {
    write<T>(change: () => T): Promise<T> {
      if (closed) return Promise.reject(unavailable('the store is closed'))
      // One turn more than needed: what arrives in it shares the fsync.
      if (queue.length === 0) setImmediate(() => setImmediate(run))
      return new Promise<T>((resolve, reject) => {
        queue.push({ change, since: clock.monotonic(), resolve: resolve as Waiter['resolve'], reject })
      })
    },
    flush() {
      closed = true
      while (queue.length > 0) run()
    }
  }
}

/** Runs a read, with the disk's faults turned into STORE_UNAVAILABLE. */
export function reading<T>(look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw asFailure(error)
  }
}

function transactions(db: DatabaseSync): <T>(work: () => T) => T {
  const begin = db.prepare('BEGIN IMMEDIATE')
  const end = db.prepare('COMMIT')
  const undo = db.prepare('ROLLBACK')
  return work => {
    begin.run()
    try {
      const result = work()
      end.run()
      return result
    } catch (error) {
      // On a full disk SQLite has rolled back already, and a bare ROLLBACK would throw and hide the cause.
      if (db.isTransaction) undo.run()
      throw error
    }
  }
}

function isDiskFault(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false
  return typeof error.errcode === 'number' && !ownFaults.has(error.errcode & 0xff)
}

function asFailure(error: unknown): unknown {
  return isDiskFault(error) ? new Failure('STORE_UNAVAILABLE', { cause: error }) : error
}

function unavailable(reason: string): Failure {
  return new Failure('STORE_UNAVAILABLE', { cause: new Error(reason) })
}
