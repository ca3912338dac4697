import { isAscii, isUtf8 } from 'node:buffer'
import { asciiDigits } from '../frames/digits.ts'

/**
 * A text as only its letters and digits, in small letters and without accents: what separators, zero-width characters, wide letters
 * and capitals were put on to hide looks the same as what they hide.
 */
export function bare(text: string): string {
  // Most texts need none of the tables of Unicode, which cost ten times as much.
  if (ascii.test(text)) return text.toLowerCase().replace(/[^a-z0-9]+/g, '')
  return asciiDigits(
    text
      .normalize('NFKD')
      .toLowerCase()
      .normalize('NFKD')
      .replaceAll('ı', 'i')
      // Some letters cannot be seen either: the fillers of Hangul.
      .replace(/[[^\p{L}\p{N}]\p{Default_Ignorable_Code_Point}]+/gv, '')
  )
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what ASCII is
const ascii = /^[\x00-\x7f]*$/

/** A text in small letters without white space and what cannot be seen: for what consists of signs above all. */
export function dense(text: string): string {
  return asciiDigits(
    text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[\s\p{Default_Ignorable_Code_Point}\p{Cc}]+/gu, '')
  )
}

const escaped =
  /%([0-9a-f]{2})|\\x([0-9a-f]{2})|(?:\\|%)u([0-9a-f]{4})|\\u\{([0-9a-f]{1,6})\}|&#x([0-9a-f]{1,6});|&#(\d{1,7});|\\[nrtbfv0]/gi
const escapedRun = new RegExp(`(?:${escaped.source})+`, 'gi')
const mostLayers = 3
/** Tags are ASCII once more, and are not seen. */
const firstTag = 0xe0000
const tags = /[\u{e0020}-\u{e007e}]/gu
const mayBeEscaped = /[%&\\\u{e0020}-\u{e007e}]/u

/**
 * A text with what stands for characters (`%73`, `\x73`, `\u0073`, `&#115;`, `\n`, tags) as the characters, also where that was done
 * thrice.
 */
export function unescaped(text: string): string {
  if (!mayBeEscaped.test(text)) return text
  let plain = text.replace(tags, tag => String.fromCodePoint((tag.codePointAt(0) ?? 0) - firstTag))
  for (let i = 0; i < mostLayers; i++) {
    const next = plain.replace(escapedRun, decoded)
    if (next === plain) break
    plain = next
  }
  return plain
}

/** Bytes that are listed (`0x73, 0x6b` or `\x73 \x6b`) as their hex digits alone. */
export function listed(text: string): string {
  return text.replace(/(?:0|\\)x(?=[0-9a-f]{2})/gi, '')
}

const inHex = /[0-9a-f](?:[^0-9a-z]{0,2}[0-9a-f]){15,}/gi
const inBase64Run = /[a-z0-9+/_-]{16,}/gi
const printed = /[\t\n\r -~]{8,}/g

/**
 * What is coded in a text: the words that come of each run of hex or base64, wherever in the coded text it begins. So what was
 * dressed before it was coded is seen as well.
 */
export function decodedIn(text: string): string {
  const hex = (text.match(inHex) ?? []).flatMap(run => {
    const digits = run.replace(/[^0-9a-f]/gi, '')
    return [0, 1].map(at => Buffer.from(digits.slice(at), 'hex'))
  })
  // Many wrap it into lines.
  const base64 = (text.replace(/\r?\n/g, '').match(inBase64Run) ?? []).flatMap(run =>
    [0, 1, 2, 3].map(at => Buffer.from(run.slice(at), 'base64'))
  )
  return [...hex, ...base64].flatMap(wordsIn).join('\n')
}

/** Bytes that are words, as a whole or in part. */
function wordsIn(bytes: Buffer): string[] {
  if (!isAscii(bytes) && isUtf8(bytes)) return [bytes.toString('utf8')]
  return bytes.toString('latin1').match(printed) ?? []
}

/** UTF-8 where it was written byte by byte; an escaped space of any kind is one. */
function decoded(run: string): string {
  const parts = Array.from(run.matchAll(escaped), ([, percent, slash, unicode, braced, entity, decimal]) => {
    const byte = percent ?? slash
    if (byte !== undefined) return Buffer.from(byte, 'hex')
    const point = decimal === undefined ? Number.parseInt(unicode ?? braced ?? entity ?? '20', 16) : Number(decimal)
    return Buffer.from(point <= 0x10ffff ? String.fromCodePoint(point) : '')
  })
  return Buffer.concat(parts).toString('utf8')
}

/**
 * What a value is to be looked for as: itself, backwards, in hex and in base64 wherever in a longer text of it it stands, each of
 * them also backwards.
 */
export function dressesOf(value: Buffer): string[] {
  const text = value.toString('utf8')
  const isText = Buffer.from(text).equals(value)
  const backwards = reversed(text)
  const spellings = isText ? [text, backwards, text.toLowerCase(), text.toUpperCase(), unescaped(text)] : []
  const bytes = [value, Buffer.from(value).reverse(), ...[...new Set(spellings)].map(each => Buffer.from(each))]
  const unlike = new Map(bytes.map(each => [each.toString('latin1'), each]))
  const dresses = [
    ...(isText ? [text, unescaped(text)] : []),
    ...[...unlike.values()].flatMap(each => [each.toString('hex'), ...inBase64(each)])
  ]
  return [...new Set(dresses.flatMap(each => [each, reversed(each)]))]
}

function reversed(text: string): string {
  if (ascii.test(text)) return Buffer.from(text, 'latin1').reverse().toString('latin1')
  return [...text].reverse().join('')
}

/** Base64 of the value after 0, 1 and 2 other bytes, without the characters that the bytes around it have a part in. */
function inBase64(value: Buffer): string[] {
  return [0, 1, 2].map(before => {
    const bits = 8 * (before + value.length)
    const longer = Buffer.alloc(before + value.length)
    longer.set(value, before)
    const encoded = longer.toString('base64')
    return encoded.slice(Math.ceil((8 * before) / 6), Math.floor(bits / 6))
  })
}
