import type { Received } from '../channels/channel.ts'
import { asciiDigits } from '../frames/digits.ts'
import type { Store } from '../store/store.ts'
import { askedIn } from './questions.ts'

// Most messages are plain ASCII with fewer digits than a code has: those need no table of Unicode.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what ASCII is
const mayHaveSix = /[^\x00-\x7f]|(?:[0-9][^0-9]*){6}/

/** Whether a whole message is six ASCII digits. */
export function isCode(text: string): boolean {
  return /^[0-9]{6}$/.test(text.trim())
}

/** Whether a text has six digits in a row, of any script and whatever separates them. */
export function mayHoldCode(text: string): boolean {
  return /[0-9]{6}/.test(plainDigits(text))
}

/** Whether a text holds a code, in digits of any script. */
export function holdsCode(text: string, code: string): boolean {
  return plainDigits(text).includes(code)
}

/**
 * A message that is a code, or holds one of an open question in whatever digits, becomes `code.received`: it is judged, and no model
 * is shown it, also where it stands beside a voice note. Six digits while nothing is asked are words.
 */
export async function withCode(
  { store, codeOf }: { store: Pick<Store, 'unsettled'>; codeOf: (hash: string) => string },
  lane: string,
  received: Received
): Promise<Received> {
  if (received.kind !== 'text.received' && received.kind !== 'voice.received') return received
  const { text, media } = received.data
  if (!mayHoldCode(text)) return received
  const asked = await askedIn(store, lane)
  const isWhole = isCode(text) && media.length === 0 && asked.length > 0
  const holdsOne = asked.some(({ data }) => holdsCode(text, codeOf(data.hash)))
  return isWhole || holdsOne ? { ...received, kind: 'code.received' } : received
}

/** Digits of every script as ASCII ones, and nothing between them that only separates. */
function plainDigits(text: string): string {
  if (!mayHaveSix.test(text)) return ''
  return asciiDigits(text.normalize('NFKC').replace(/(?<=\p{Nd})[\s.,_\-\p{Cf}]+(?=\p{Nd})/gu, ''))
}
