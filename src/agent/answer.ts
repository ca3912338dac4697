import { questionMark } from '../frames/approval.ts'
import { framesOf } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'
import { withoutForeignLinks } from '../policy/links.ts'

const longestAnswer = 12_000
const longestHeard = 600

/**
 * Words that can be shown to a person: no control characters, nothing invisible, no marks that turn the order of
 * letters around.
 */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replaceAll('\t', ' ')
    .replace(/[\p{Cc}--\n]|[\p{Default_Ignorable_Code_Point}--[\u200c\u200d\ufe0e\ufe0f]]/gv, '')
    .replace(strayJoiner, '')
    .trim()
}

/** The answer of a model as a person may read it: clean, and of a length that can be sent. */
export function cleanAnswer(text: string): string {
  // A model must not write what looks like a question of the server.
  const clean = unmarked(cleanText(text))
  if (clean.length <= longestAnswer) return clean
  const start = clean.slice(0, longestAnswer).replace(/[\ud800-\udbff]$/, '')
  return `${start.trimEnd()}\n\n(The rest was too long to send.)`
}

/** What was heard, word for word and in order: the transcripts of an execution, each on one line. */
export function transcriptsOf(frames: readonly Frame[]): ReadonlyMap<number, string> {
  const heard = framesOf(frames, 'speech.transcribed').map(({ data }) => [data.attachment, oneLine(data.text)] as const)
  return new Map(heard.sort(([a], [b]) => a - b))
}

/** Without the mark of questions. What is cleaned comes first: until then, halves of a mark could lie around another and meet. */
function unmarked(text: string): string {
  return text.replaceAll(questionMark, '').trim()
}

/**
 * Puts what was heard before a text, so that the person sees at once what was misheard; a text without speech behind it
 * stays as it is.
 */
export function withHeard(frames: readonly Frame[], text: string): string {
  const heard = heardLine(frames)
  return heard === null ? text : `${heard}\n\n${text}`
}

/** Takes away what `withHeard` put there: the model's own words alone. */
export function withoutHeard(frames: readonly Frame[], text: string): string {
  const heard = heardLine(frames)
  return heard !== null && text.startsWith(heard) ? text.slice(heard.length).trimStart() : text
}

/** Clean words on a single line. */
export function oneLine(text: string): string {
  return cleanText(text).replace(/\s+/g, ' ')
}

// Zero-width joiners belong to emoji and to scripts such as Persian or Hindi; anywhere else they only hide something.
const strayJoiner = /(?<![[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}]--\p{Script=Latin}])[\u200c\u200d]/gv

function heardLine(frames: readonly Frame[]): string | null {
  const words = unmarked([...transcriptsOf(frames).values()].filter(text => text !== '').join(' '))
  // What somebody else said is not to lead the person anywhere.
  const isTheirs = framesOf(frames, 'voice.received').some(({ data }) => data.forwarded)
  const heard = isTheirs ? withoutForeignLinks(words, { allowed: new Set(), typed: '' }) : words
  return heard === '' ? null : `I heard: "${cutInTheMiddle(heard)}"`
}

function cutInTheMiddle(text: string): string {
  const characters = [...text]
  if (characters.length <= longestHeard) return text
  const half = longestHeard / 2
  return `${characters.slice(0, half).join('').trimEnd()} … ${characters.slice(-half).join('').trimStart()}`
}
