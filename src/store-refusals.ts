import { Failure } from './frames/failure.ts'
import { refusals } from './store/mongodb/refusals.ts'
import { absenceOf } from './store-absence.ts'

/** What opening the database failed with, as what can be done about it: a STORE_UNAVAILABLE that is left may pass by itself. */
export function explained(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const sentence = refusals[absenceOf(error) ?? '']
  if (sentence !== undefined) return new Error(sentence)
  const { code = '', syscall = '' } = error as NodeJS.ErrnoException
  // The records of mongodb+srv:// are looked up before the driver's own errors begin.
  if (syscall.startsWith('query')) return new Failure('STORE_UNAVAILABLE', { cause: { code } })
  if (syscall === 'open' || syscall === 'read') {
    return new Error(`A file that MONGODB_URI names cannot be read (${code}): check its path and who may read it.`)
  }
  return error
}
