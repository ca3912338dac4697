import type { Received } from '../channels/channel.ts'
import type { Store } from '../store/store.ts'
import { askedIn } from './questions.ts'

/** Whether a whole message is six ASCII digits. */
export function isCode(text: string): boolean {
  return /^[0-9]{6}$/.test(text.trim())
}

/**
 * A message that is a code, or holds one of an open question in whatever digits, becomes `code.received`: it is judged, and no model
 * is shown it. Six digits while nothing is asked are words.
 */
export async function withCode(
  { store, codeOf }: { store: Pick<Store, 'unsettled'>; codeOf: (hash: string) => string },
  lane: string,
  received: Received
): Promise<Received> {
  if (received.kind !== 'text.received') return received
  const { text, media } = received.data
  const digits = plainDigits(text)
  if (!/[0-9]{6}/.test(digits)) return received
  const asked = await askedIn(store, lane)
  const isWhole = isCode(text) && media.length === 0 && asked.length > 0
  const holdsOne = asked.some(({ data }) => digits.includes(codeOf(data.hash)))
  return isWhole || holdsOne ? { ...received, kind: 'code.received' } : received
}

/** Digits of every script as ASCII ones, and nothing between them that only separates. */
function plainDigits(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/(?<=\p{Nd})[\s.,_\-\p{Cf}]+(?=\p{Nd})/gu, '')
    .replace(/\p{Nd}/gu, digit => String(numberOf(digit)))
}

/** Every script has its ten digits in one row, zero first. */
function numberOf(digit: string): number {
  const point = digit.codePointAt(0) ?? 0
  let value = 0
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(point - value - 1))) value++
  return value
}
