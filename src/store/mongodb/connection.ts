import { MongoClient, MongoError } from 'mongodb'
import { Failure } from '../../frames/failure.ts'
import { deadlineMs, unavailable } from '../rules.ts'

/** A write is acknowledged once most members have it in their journals; a read comes from the primary. */
const promises = {
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
  readPreference: 'primary',
  retryWrites: true
} as const

/** A webhook must be answered within five seconds, also when nobody is there. */
const patience = { serverSelectionTimeoutMS: 3_000, connectTimeoutMS: 3_000, waitQueueTimeoutMS: 3_000 } as const
/** How long one call may take, ms. */
const longestMs = 10_000

/** How long one call of a copy may take, ms: the server sorts all executions before it names the first. */
export const longestOfCopyMs = 120_000
/** How long housekeeping may take, ms: what makes indexes, sweeps, or makes one step of a copy, twice where the first try fails. */
export const housekeepingMs = 300_000

/** Makes the client of a replica set; it connects with the first call. Throws an Error without the URI for one that cannot be read. */
export function createClient(uri: string, socketTimeoutMS = longestMs): MongoClient {
  try {
    return new MongoClient(uri, { ...promises, ...patience, socketTimeoutMS, appName: 'knomly', ignoreUndefined: true })
  } catch {
    // The driver's own message may quote the URI and the password in it.
    throw new Error(
      'MONGODB_URI cannot be read: write it as mongodb://user:password@host:port/database?replicaSet=name.'
    )
  }
}

/** The database that a URI names, or null: the driver would take "test" instead. */
export function databaseIn(uri: string): string | null {
  return /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^/?]+)/.exec(uri)?.[1] ?? null
}

/**
 * Calls the server, with what it or the network refuses turned into STORE_UNAVAILABLE, also once the store is closed. So is a call
 * that takes more than `withinMs`: what became of it is not known then, and its answer, should there be one, goes to `onLate`.
 */
export type Reach = <T>(call: () => Promise<T>, withinMs?: number, onLate?: (answer: T) => void) => Promise<T>

/** Makes the one way in which the server is called; `usualMs` is how long a call may take where nothing else is said. */
export function createReach(isClosed: () => boolean, usualMs = deadlineMs): Reach {
  return async (call, withinMs = usualMs, onLate) => {
    if (isClosed()) throw unavailable('the store is closed')
    try {
      return await within(call(), withinMs, onLate)
    } catch (error) {
      throw isOfNetwork(error) ? new Failure('STORE_UNAVAILABLE', { cause: reduced(error) }) : error
    }
  }
}

/**
 * Waits for an answer no longer than `ms`; then STORE_UNAVAILABLE. Whoever makes others wait for a call must wait like this, and not
 * by the limits of the driver alone: version 7.9 never answers a call that it writes to a socket which has just been destroyed.
 */
export async function within<T>(answer: Promise<T>, ms: number, onLate?: (answer: T) => void): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(unavailable('the server took too long'))
    answer.then(onLate, () => {})
  }, ms)
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Whether a unique key was taken already, and the write is known by most members to have been refused for that alone. */
export function isDuplicate(error: unknown): boolean {
  return (
    error instanceof MongoError && error.code === 11_000 && !('writeConcernError' in error && error.writeConcernError)
  )
}

const socketErrors: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ECONNREFUSED', 'ETIMEDOUT'])

/** The driver's errors, and those of a socket that it lets through as they are, where the server died a moment ago. */
function isOfNetwork(error: unknown): error is Error & { code?: unknown } {
  if (error instanceof MongoError) return true
  return error instanceof Error && 'code' in error && socketErrors.has(error.code)
}

/** What may be known of an error: its message can name hosts, and its fields the command with a person's words. */
function reduced(error: Error & { code?: unknown }): { code: string } {
  const { name, code } = error
  return { code: code === undefined ? name : `${name}-${code}` }
}
