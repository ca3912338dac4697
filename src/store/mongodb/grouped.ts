import { setTimeout } from 'node:timers/promises'
import { type AnyBulkWriteOperation, type Collection, type Document, MongoBulkWriteError } from 'mongodb'
import { deadlineMs } from '../rules.ts'
import { isDuplicate, within } from './connection.ts'

// A call costs the driver and the server several times what a document in it does, and each write waits for the journal: so what is
// asked for while one call is under way goes together in the next.

/** The most that goes in one call. */
const most = 500
/** Where many write, the next call waits a little for more of them: alone, nobody waits. */
export const writeLingerMs = 2

interface Waiter<Q, A> {
  readonly asked: Q
  resolve(answer: A): void
  reject(error: unknown): void
}

/**
 * Performs together what is asked for in one turn of the event loop, or while the call before is under way. A call begins after
 * the asking, so it sees whatever was written before; where the one before had company, it begins `lingerMs` after it. `perform` answers in the order of asking; what it throws, all get,
 * and what it does not answer in time keeps nobody else waiting, and goes to `onLate` should it come after all.
 */
export function grouped<Q, A>(
  perform: (asked: readonly Q[]) => Promise<readonly A[]>,
  lingerMs = 0,
  onLate?: (answers: readonly A[]) => void
): (asked: Q) => Promise<A> {
  const queue: Waiter<Q, A>[] = []
  let underWay = false

  async function pump(): Promise<void> {
    if (underWay) return
    underWay = true
    while (queue.length > 0) {
      const batch = queue.splice(0, most)
      await settle(batch)
      if (lingerMs > 0 && batch.length > 1) await setTimeout(lingerMs)
    }
    underWay = false
  }

  async function settle(batch: readonly Waiter<Q, A>[]): Promise<void> {
    try {
      const answers = await within(perform(batch.map(({ asked }) => asked)), deadlineMs, onLate)
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i] as A)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  return asked =>
    new Promise((resolve, reject) => {
      queue.push({ asked, resolve, reject })
      if (queue.length === 1) setImmediate(pump)
    })
}

/** Looks documents up by a key, together; null where there is none. */
export function groupedLook<V>(look: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>) {
  return grouped(async (keys: readonly string[]): Promise<(V | null)[]> => {
    const found = await look([...new Set(keys)])
    return keys.map(key => found.get(key) ?? null)
  })
}

/** Inserts documents together and answers for each whether its id was new. Throws where the counts do not account for every document. */
export function groupedInsert<D extends Document & { _id: string }>(collection: Collection<D>) {
  return grouped(async (docs: readonly D[]): Promise<boolean[]> => {
    // A second one of the same id in a call is a duplicate of the first, as the server sees them in order.
    try {
      await collection.insertMany(docs as never, { ordered: false })
      return docs.map(() => true)
    } catch (error) {
      const known = duplicatesIn(error, docs.length)
      if (known === null) throw error
      return docs.map((_, i) => !known.includes(i))
    }
  }, writeLingerMs)
}

/** One compare-and-set on one document. */
export interface Swap {
  readonly filter: Document & { readonly _id: string }
  readonly update: Document | Document[]
}

/** Makes compare-and-sets together, as `swapAll` does. */
export function groupedSwap<S extends Swap, D extends Document>(collection: Collection<D>, made: Made<S>) {
  return grouped((swaps: readonly S[]) => swapAll(collection, swaps, made), writeLingerMs)
}

/** Looks which of some swaps were made. */
type Made<S> = (swaps: readonly S[]) => Promise<readonly boolean[]>

/**
 * Makes compare-and-sets in one call and answers for each whether it held. The server only counts how many did: where not all did,
 * `made` looks which.
 */
export async function swapAll<S extends Swap, D extends Document>(
  collection: Collection<D>,
  swaps: readonly S[],
  made: Made<S>
): Promise<readonly boolean[]> {
  const [first, ...more] = swaps
  if (first === undefined) return []
  if (more.length === 0) return [await alone(collection, first)]
  const writes = swaps.map(({ filter, update }) => ({ updateOne: { filter, update } })) as never
  try {
    const { matchedCount } = await collection.bulkWrite(writes as AnyBulkWriteOperation<D>[], { ordered: false })
    return matchedCount === swaps.length ? swaps.map(() => true) : await made(swaps)
  } catch (error) {
    if (!isOfOne(error)) throw error
  }
  // One that the server could not take must not take the others with it.
  const before = await made(swaps)
  return Promise.all(swaps.map((swap, i) => before[i] || alone(collection, swap)))
}

async function alone<D extends Document>(collection: Collection<D>, { filter, update }: Swap): Promise<boolean> {
  return (await collection.updateOne(filter as never, update as never)).matchedCount === 1
}

function isOfOne(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return false
  return [error.writeErrors].flat().length > 0
}

/** The positions in an insert of `size` that were refused as known, or null where the error does not account for all of it. */
export function duplicatesIn(error: unknown, size: number): number[] | null {
  if (!(error instanceof MongoBulkWriteError) || !isDuplicate(error) || error.result.getWriteConcernError()) return null
  const refusals = [error.writeErrors].flat()
  const isWhole = refusals.every(({ code }) => code === 11_000) && error.insertedCount + refusals.length === size
  return isWhole ? refusals.map(({ index }) => index) : null
}
