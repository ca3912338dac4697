import { Failure } from '../../frames/failure.ts'

/** The arrival number that a page ended at, as its `next` names it. Throws QUERY_INVALID for anything else. */
export function position(after: string): number {
  if (!/^\d{1,15}$/.test(after)) throw new Failure('QUERY_INVALID')
  return Number(after)
}
