import { Failure } from '../../src/frames/failure.ts'

/** The code that an act fails with, the text of an error that is none of the table, or null where it does not fail. */
export function codeOf(act: () => unknown): string | null {
  try {
    act()
  } catch (error) {
    return error instanceof Failure ? error.code : String(error)
  }
  return null
}
