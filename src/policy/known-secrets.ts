import { bare, decodedIn, dense, dressesOf, listed, unescaped } from './dresses.ts'

/** The secrets that this process knows, and the one question that is asked of them. */
export interface KnownSecrets {
  /** Makes a secret known; one of fewer than 8 bytes is too short to be told from ordinary words, and is left out. */
  add(value: string | Buffer): void
  /** Whether a text holds one of them, in whatever dress of safety rule 3.8 (1), or more than half of a long one. */
  findIn(text: string): boolean
  /** The same of readings that were made before: another register may have asked them already. */
  areIn(readings: readonly Reading[]): boolean
}

/** A text in one of the ways in which it can be read; `bare` is its letters and digits alone. */
export interface Reading {
  readonly text: string
  readonly bare: string
}

const shortest = 8
/** So long a piece is looked up, by a number that rolls along the text (Rabin and Karp); what is looked for is not shorter. */
const gram = 8
const base = 0x01000193
const ofFirst = Array.from({ length: gram - 1 }).reduce<number>(power => Math.imul(power, base), 1)
/** Half of a secret is worth as much as the whole, where a half is long enough not to be met by chance. */
const halvedFrom = 32

/** A dress that is looked for: as much of it as `least` characters in a row, around a piece that stands at `at`. */
type Place = { readonly needle: string; readonly at: number; readonly least: number }

/** Makes a register of secrets. It takes time in proportion to the text, however many secrets there are. */
export function createKnownSecrets(): KnownSecrets {
  const known = new Set<string>()
  const places = new Map<number, Place[]>()
  const signs = new Set<string>()

  function look(dress: string): void {
    const needle = bare(dress)
    if (needle.length < gram) {
      const sign = dense(dress)
      if (sign.length >= shortest) signs.add(sign)
      return
    }
    const least = needle.length < halvedFrom ? needle.length : Math.ceil(needle.length / 2)
    // Of `least` characters in a row, one of these pieces is always a part.
    for (let at = 0; at + gram <= needle.length; at += least - gram + 1) {
      let piece = 0
      for (let i = at; i < at + gram; i++) piece = roll(piece, 0, needle.charCodeAt(i))
      const here = places.get(piece)
      if (here === undefined) places.set(piece, [{ needle, at, least }])
      else here.push({ needle, at, least })
    }
  }

  function isIn(view: string): boolean {
    let piece = 0
    for (let end = 0; end < view.length; end++) {
      const at = end - gram + 1
      piece = roll(piece, at > 0 ? view.charCodeAt(at - 1) : 0, view.charCodeAt(end))
      const here = at < 0 ? undefined : places.get(piece)
      if (here?.some(place => reach(view, at, place) >= place.least)) return true
    }
    return false
  }

  function areIn(readings: readonly Reading[]): boolean {
    return readings.some(({ text, bare: letters }) => {
      if (isIn(letters)) return true
      const signsOf = signs.size === 0 ? '' : dense(text)
      return [...signs].some(sign => signsOf.includes(sign))
    })
  }

  return {
    areIn,
    findIn: text => areIn(readingsOf(text)),
    add(value) {
      const bytes = Buffer.from(value)
      const key = bytes.toString('base64')
      if (bytes.length < shortest || known.has(key)) return
      known.add(key)
      for (const dress of dressesOf(bytes)) look(dress)
    }
  }
}

/** Every way in which a text is looked through: as it stands, without escapes, and decoded. */
export function readingsOf(text: string): Reading[] {
  const plain = new Set([text, unescaped(text), listed(text)])
  const texts = new Set([...plain].flatMap(withDecoded))
  return [...texts].map(each => ({ text: each, bare: bare(each) }))
}

/** A text, and the texts that are coded in it. */
function withDecoded(text: string): string[] {
  const coded = decodedIn(text)
  return coded === '' ? [text] : [text, coded, unescaped(coded)]
}

/** The number of the next piece: without the character that left it, and with the one that entered. */
function roll(piece: number, left: number, entered: number): number {
  return (Math.imul(piece - Math.imul(left, ofFirst), base) + entered) | 0
}

/** How many characters in a row around a place are those of the needle: two pieces may have the same number. */
function reach(view: string, i: number, { needle, at }: Place): number {
  let [from, to] = [0, 0]
  while (from < at && from < i && view[i - from - 1] === needle[at - from - 1]) from++
  while (at + to < needle.length && view[i + to] === needle[at + to]) to++
  return from + to
}
