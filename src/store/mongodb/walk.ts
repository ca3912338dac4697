import type { AbstractCursor } from 'mongodb'
import { pauseAfter } from '../patience.ts'
import type { Reach } from './connection.ts'

/** Walks along a cursor to its end. `open` is asked for one behind the last thing seen, again after a change of the primary. */
export async function* walk<T>(
  reach: Reach,
  open: (after: T | null) => Pick<AbstractCursor<T>, 'next' | 'close'>
): AsyncGenerator<T> {
  let last: T | null = null
  for (let failures = 0; ; ) {
    const cursor = open(last)
    const next = () => reach(() => cursor.next())
    try {
      for (let found = await next(); found !== null; found = await next()) {
        failures = 0
        last = found
        yield found
      }
      return
    } catch (error) {
      failures += 1
      await pauseAfter(error, failures)
    } finally {
      await cursor.close().catch(() => {})
    }
  }
}
