import { setTimeout as wait } from 'node:timers/promises'
import type { AbstractCursor } from 'mongodb'
import { Failure } from '../../frames/failure.ts'
import type { Reach } from './connection.ts'

const pauseMs = 1_000

/** How often in a row the server may not answer: an election is over by then. */
const maxFailures = 15

/** Calls again, until the server answers, what may be repeated. Rejects with STORE_UNAVAILABLE once nobody has answered for long. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await call()
    } catch (error) {
      await pause(error, failures)
    }
  }
}

/** Walks along a cursor to its end. `open` is asked for one behind the last thing seen, again after a change of the primary. */
export async function* walk<T>(
  reach: Reach,
  open: (after: T | null) => Pick<AbstractCursor<T>, 'next' | 'close'>
): AsyncGenerator<T> {
  let last: T | null = null
  for (let failures = 0; ; ) {
    const cursor = open(last)
    const next = () => reach(() => cursor.next(), null)
    try {
      for (let found = await next(); found !== null; found = await next()) {
        failures = 0
        last = found
        yield found
      }
      return
    } catch (error) {
      failures += 1
      await pause(error, failures)
    } finally {
      await cursor.close().catch(() => {})
    }
  }
}

async function pause(error: unknown, failures: number): Promise<void> {
  const mayPass = error instanceof Failure && error.code === 'STORE_UNAVAILABLE'
  if (!mayPass || failures > maxFailures) throw error
  await wait(pauseMs)
}
