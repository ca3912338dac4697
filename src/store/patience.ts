import { setTimeout as wait } from 'node:timers/promises'
import { Failure } from '../frames/failure.ts'

const pauseMs = 1_000

/** How often in a row the store may not answer: an election is over by then. */
const maxFailures = 15

/** Calls again, until the store answers, what may be repeated. Rejects with STORE_UNAVAILABLE once nobody has answered for long. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await call()
    } catch (error) {
      await pauseAfter(error, failures)
    }
  }
}

/** Waits before the next try, after so many failures in a row. Throws the error where it will not pass. */
export async function pauseAfter(error: unknown, failures: number): Promise<void> {
  const mayPass = error instanceof Failure && error.code === 'STORE_UNAVAILABLE'
  if (!mayPass || failures > maxFailures) throw error
  await wait(pauseMs)
}
