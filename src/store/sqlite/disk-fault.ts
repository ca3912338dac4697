import { Failure } from '../../frames/failure.ts'

/** SQLite's result codes that mean a fault of ours and not of the disk (https://sqlite.org/rescode.html): ERROR, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE. */
const ownFaults: ReadonlySet<number> = new Set([1, 18, 19, 20, 21, 25])

/** Whether SQLite could not reach what it is told to read or write: the disk's fault, and no reason to change the question. */
export function isDiskFault(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false
  return typeof error.errcode === 'number' && !ownFaults.has(error.errcode & 0xff)
}

/** Runs a read, with the disk's faults turned into STORE_UNAVAILABLE. */
export function reading<T>(look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw isDiskFault(error) ? new Failure('STORE_UNAVAILABLE', { cause: error }) : error
  }
}
