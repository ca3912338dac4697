import { Failure } from './frames/failure.ts'

/** The code of why the store does not answer, or null where the error says something else than that. */
export function absenceOf(error: unknown): string | null {
  if (!(error instanceof Failure) || error.code !== 'STORE_UNAVAILABLE') return null
  const { cause } = error
  return cause instanceof Object && 'code' in cause ? String(cause.code) : 'unknown'
}
