import { askedIn } from '../../inbox/questions.ts'
import type { Store } from '../../store/store.ts'

/** Stands where a line of six digits was. */
const removedNumber = '(number removed)'

/** Six digits of any script and nothing else that says anything, as a line of its own. */
const codeLine = /^[^\p{L}\p{N}\n]*\p{Nd}(?:[\p{Zs}\p{M}\p{Cf}]*\p{Nd}){5}[^\p{L}\p{N}\n]*$/gmu

/**
 * Takes out of an answer what could pass for the code of a question while one waits for the person (safety rule 3.8, 5): a line of six
 * digits. Where nothing is asked a number is a number.
 */
export async function withoutCodes(
  store: Pick<Store, 'unsettled'>,
  lane: string,
  parts: readonly string[]
): Promise<string[]> {
  const without = parts.map(part => part.replace(codeLine, removedNumber))
  const isSame = without.every((part, i) => part === parts[i])
  return isSame || (await askedIn(store, lane)).length === 0 ? [...parts] : without
}
