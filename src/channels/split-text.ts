// Made with the first text that is too long: the three take 30 ms of a start.
const clusters = made(() => new Intl.Segmenter('en', { granularity: 'grapheme' }))
const words = made(() => new Intl.Segmenter('en', { granularity: 'word' }))
const sentences = made(() => new Intl.Segmenter('en', { granularity: 'sentence' }))

/** The longest part, in UTF-16 units: below the 1600 at which Twilio refuses a body (error 21617). */
export const maxPart = 1_500

/**
 * Splits a text into parts of at most `max` UTF-16 units at the end of a paragraph, else of a line, a sentence or a word, and
 * never inside what a reader sees as one character. Only white space at the cuts is lost.
 */
export function splitText(text: string, max: number = maxPart): string[] {
  const parts: string[] = []
  let rest = text.trim()
  while (rest.length > max) {
    const end = findCut(rest, max)
    parts.push(rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
  }
  parts.push(rest)
  return parts
}

function findCut(text: string, max: number): number {
  const limit = lastWholeCluster(text, max)
  const head = text.slice(0, limit)
  const usable = (end: number) => end > 0 && lastWholeCluster(text, end) === end
  // A cut in the first half would leave a part so short that the next better place is worth more.
  const good = (end: number) => end >= max / 2 && usable(end)
  return (
    ends(head, /\n\s*\n/g).findLast(good) ??
    ends(head, /\n/g).findLast(good) ??
    starts(sentences(), head).findLast(good) ??
    (/\s/.test(text.charAt(limit)) ? limit : undefined) ??
    ends(head, /\s+/g).findLast(usable) ??
    starts(words(), head).findLast(good) ??
    limit
  )
}

/** The last bound between two characters at or before `index`; inside one endless character, the last between two code points. */
function lastWholeCluster(text: string, index: number): number {
  const start = clusters().segment(text).containing(index)?.index ?? index
  if (start > 0) return start
  return /[\uDC00-\uDFFF]/.test(text.charAt(index)) ? index - 1 : index
}

function ends(text: string, separator: RegExp): number[] {
  return Array.from(text.matchAll(separator), match => match.index + match[0].length)
}

function starts(segmenter: Intl.Segmenter, text: string): number[] {
  return Array.from(segmenter.segment(text), segment => segment.index)
}

function made<T>(make: () => T): () => T {
  let one: T | undefined
  return () => {
    one ??= make()
    return one
  }
}
