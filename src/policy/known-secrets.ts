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
/** So long a piece is looked up; what is looked for is not shorter. */
const gram = 8
/** Half of a secret is worth as much as the whole, where a half is long enough not to be met by chance. */
const halvedFrom = 32

/** A dress that is looked for: as much of it as `least` characters in a row, around a piece that stands at `at`. */
type Place = { readonly needle: string; readonly at: number; readonly least: number }

/** Makes a register of secrets. It takes time in proportion to the text, however many secrets there are. */
export function createKnownSecrets(): KnownSecrets {
  const known = new Set<string>()
  const places = new Map<string, Place[]>()
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
      const piece = needle.slice(at, at + gram)
      places.set(piece, [...(places.get(piece) ?? []), { needle, at, least }])
    }
  }

  function isIn(view: string): boolean {
    for (let i = 0; i + gram <= view.length; i++) {
      const here = places.get(view.slice(i, i + gram))
      if (here?.some(place => reach(view, i, place) >= place.least)) return true
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
  const texts = new Set([text, unescaped(text), listed(text)].flatMap(withDecoded))
  return [...texts].map(each => ({ text: each, bare: bare(each) }))
}

/** A text, and the texts that are coded in it. */
function withDecoded(text: string): string[] {
  const coded = decodedIn(text)
  return coded === '' ? [text] : [text, coded, unescaped(coded)]
}

/** How many characters around a piece are those of the needle. */
function reach(view: string, i: number, { needle, at }: Place): number {
  let [from, to] = [0, gram]
  while (from < at && from < i && view[i - from - 1] === needle[at - from - 1]) from++
  while (at + to < needle.length && view[i + to] === needle[at + to]) to++
  return from + to
}
