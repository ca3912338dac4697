// The thread that writes: an fsync takes milliseconds, in which the event loop of the server would stand still.
import type { DatabaseSync } from 'node:sqlite'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type Asked, createChanges } from './changes.ts'
import { openDatabase } from './database.ts'
import { isDiskFault } from './disk-fault.ts'
import { createGroupCommit, type Outcome } from './group-commit.ts'

/** What the thread is started with. `abandoned` counts the changes, from the first on, for which nobody waits any more. */
export interface ThreadData {
  readonly dir: string
  readonly contentMs: number
  readonly abandoned: Int32Array
}

/** An error on its way to the other thread: a clone of the error itself would lose its codes. */
export interface Refusal {
  readonly disk: boolean
  readonly name: string
  readonly message: string
  readonly code: unknown
  readonly errcode: unknown
}

/** What the thread says: first whether it could open the database, then what became of the next changes, in the order of asking. */
export type Said =
  | { readonly opened: true }
  | { readonly notOpened: string }
  | {
      readonly outcomes: readonly ({ readonly answer: unknown } | { readonly refusal: Refusal })[]
      readonly rung: boolean
    }

/** The most changes one transaction takes. */
const maxBatch = 1_000

const port = parentPort as MessagePort
const { dir, contentMs, abandoned } = workerData as ThreadData
const say = (said: Said) => port.postMessage(said)
await openDatabase(dir).then(serve, (error: Error) => say({ notOpened: error.message }))

/** Commits together whatever was asked for while the commit before was under way. Null is the last thing that is asked. */
function serve(db: DatabaseSync): void {
  const { perform, afterwards, takeRung } = createChanges(db, contentMs)
  const commit = createGroupCommit(db)
  const queue: Asked[] = []
  let seen = 0
  let closing = false

  function take(asked: readonly Asked[] | null): void {
    if (asked === null) closing = true
    else queue.push(...asked)
  }

  function drain(): void {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      take(next.message)
    while (queue.length > 0) {
      const batch = queue.splice(0, maxBatch)
      say({ outcomes: settle(batch).map(portable), rung: takeRung() })
    }
    if (!closing) return
    db.close()
    port.close()
  }

  function settle(batch: readonly Asked[]): Outcome[] {
    const late = Math.min(batch.length, Math.max(0, Atomics.load(abandoned, 0) - seen))
    seen += batch.length
    const prompt = batch.slice(late)
    const outcomes = commit(prompt.map(asked => () => perform(asked)))
    const settled = outcomes.map((outcome, i) => finish(prompt[i] as Asked, outcome))
    return [...batch.slice(0, late).map(() => ({ answer: null })), ...settled]
  }

  function finish(asked: Asked, outcome: Outcome): Outcome {
    try {
      if ('answer' in outcome) afterwards(asked)
      return outcome
    } catch (error) {
      return { error }
    }
  }

  port.on('message', asked => {
    take(asked)
    drain()
  })
  say({ opened: true })
}

function portable(outcome: Outcome): { answer: unknown } | { refusal: Refusal } {
  if ('answer' in outcome) return outcome
  const { name, message, code, errcode } = outcome.error as Error & { code?: unknown; errcode?: unknown }
  return { refusal: { disk: isDiskFault(outcome.error), name, message, code, errcode } }
}
