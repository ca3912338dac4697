import { isAscii, isUtf8 } from 'node:buffer'
import { Failure } from '../frames/failure.ts'
import type { Form } from './channel.ts'

/** One decoded parameter, in the order of the wire: keys may repeat until `toForm` has looked at them. */
export type Pair = readonly [key: string, value: string]

const maxPairs = 200
const formType = /^application\/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i
const plainKey = /^[A-Za-z_][A-Za-z0-9_.[\]-]{0,63}$/
const inheritedNames = new Set(['__proto__', 'constructor', 'prototype'])

/** Whether a Content-Type header is exactly that of a form in UTF-8 (rule R8). */
export function isFormType(header: string | undefined): boolean {
  return header !== undefined && formType.test(header)
}

/**
 * Decodes the raw bytes of a form (WHATWG URL, 5.1), but strictly: a broken escape or invalid UTF-8 is FORM_UNDECODABLE where others
 * put U+FFFD, more than 200 pairs are FORM_TOO_MANY_PAIRS. Nothing is trimmed, normalised or dropped but empty pairs (`&&`).
 */
export function parsePairs(bytes: Uint8Array): Pair[] {
  const { decoded, cuts } = unescapeForm(bytes)
  if (!isUtf8(decoded)) throw new Failure('FORM_UNDECODABLE')
  const text = isAscii(decoded) ? decoded.toString('latin1') : null
  const slice = (from: number, to: number) => text?.slice(from, to) ?? decoded.toString('utf8', from, to)
  return cuts.map(([start, equals, end]) => [slice(start, equals), slice(equals + 1, end)])
}

/**
 * The form behind pairs whose signature was checked (rule R10). Throws FORM_KEY_REFUSED for names that are odd or inherited by
 * objects, and FORM_REPEATED_KEY, since the scheme has no delimiters and one signature fits `From=A` and `From=A&From=B` alike.
 * A key that ends in `[]` says itself that it is a list: it may repeat and is left out, because nothing here reads one.
 */
export function toForm(pairs: readonly Pair[]): Form {
  const form = new Map<string, string>()
  for (const [key, value] of pairs) {
    if (!plainKey.test(key) || inheritedNames.has(key)) throw new Failure('FORM_KEY_REFUSED')
    if (key.endsWith('[]')) continue
    if (form.has(key)) throw new Failure('FORM_REPEATED_KEY')
    form.set(key, value)
  }
  return form
}

type Cut = readonly [start: number, equals: number, end: number]

const [percent, plus, ampersand, equalsSign, space] = [0x25, 0x2b, 0x26, 0x3d, 0x20]

/** One pass: bytes without escapes, and where the pairs lie in them. Separators stay between pieces, so that no character can span two. */
function unescapeForm(bytes: Uint8Array): { decoded: Buffer; cuts: Cut[] } {
  const decoded = Buffer.allocUnsafe(bytes.length)
  const cuts: Cut[] = []
  let length = 0
  let start = 0
  let equals = -1
  const cut = () => {
    if (length > start) cuts.push([start, equals < 0 ? length : equals, length])
    if (cuts.length > maxPairs) throw new Failure('FORM_TOO_MANY_PAIRS')
    start = length + 1
    equals = -1
  }
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i] ?? 0
    if (byte === ampersand) cut()
    else if (byte === equalsSign && equals < 0) equals = length
    else if (byte === plus) byte = space
    else if (byte === percent) {
      byte = (hexDigit(bytes[i + 1]) << 4) | hexDigit(bytes[i + 2])
      if (byte < 0) throw new Failure('FORM_UNDECODABLE')
      i += 2
    }
    decoded[length++] = byte
  }
  cut()
  return { decoded: decoded.subarray(0, length), cuts }
}

const hexDigits = Int8Array.from({ length: 256 }, (_, byte) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase())
)

/** The value of a digit, or -1. */
function hexDigit(byte: number | undefined): number {
  return byte === undefined ? -1 : (hexDigits[byte] ?? -1)
}
