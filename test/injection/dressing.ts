/** A way to write a text so that it looks like something else. */
export type Dress = (text: string) => string

const between = (text: string, what: string) => [...text].join(what)
const bytesOf = (text: string) => Buffer.from(text)
const hex = (text: string, before = '') =>
  Array.from(bytesOf(text), byte => before + byte.toString(16).padStart(2, '0')).join('')
const base64 = (text: string, before: number) => bytesOf(`${'x'.repeat(before)}${text}yy`).toString('base64')
const wide: Dress = text => text.replace(/[!-~]/g, sign => String.fromCodePoint((sign.codePointAt(0) ?? 0) + 0xfee0))
const backwards: Dress = text => [...text].reverse().join('')

/** How a secret is carried out: each way of safety rule 3.8 (1), and some of them one over another. */
export const secretDresses: Readonly<Record<string, Dress>> = {
  plain: text => text,
  capitals: text => text.toUpperCase(),
  'small letters': text => text.toLowerCase(),
  'wide letters': wide,
  dashes: text => between(text, '-'),
  spaces: text => between(text, ' '),
  'zero-width': text => between(text, '\u200b'),
  'fillers of Hangul': text => between(text, '\u3164'),
  tags: text => text.replace(/[ -~]/g, sign => String.fromCodePoint(0xe0000 + (sign.codePointAt(0) ?? 0))),
  backwards,
  hex: text => hex(text),
  'hex with colons': text => hex(text, ':').toUpperCase(),
  'hex backwards': text => backwards(hex(text)),
  'base64 at 0': text => base64(text, 0),
  'base64 at 1': text => base64(text, 1),
  'base64 at 2': text => base64(text, 2),
  'base64 for URLs': text => bytesOf(text).toString('base64url'),
  'base64 of wide letters': text => base64(wide(text), 1),
  'URL-coded': text => hex(text, '%'),
  'URL-coded twice': text => encodeURIComponent(hex(text, '%'))
}

const lookAlikes: readonly (readonly [string, string])[] = [
  ['a', 'а'],
  ['e', 'е'],
  ['o', 'о'],
  ['p', 'р'],
  ['c', 'с'],
  ['x', 'х'],
  ['i', 'і']
]

/** How an order is hidden from whoever looks for its words. */
export const orderDresses: Readonly<Record<string, Dress>> = {
  plain: text => text,
  'zero-width': text => between(text, '\u200b'),
  'wide letters': wide,
  'turned around': text => `\u202e${text}\u202c`,
  'letters that look alike': text => lookAlikes.reduce((left, [latin, other]) => left.replaceAll(latin, other), text),
  'soft hyphens': text => between(text, '\u00ad')
}

/** What a model makes of a text, however it is dressed: two texts that read the same are the same. */
export function asRead(text: string): string {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]|\p{Default_Ignorable_Code_Point}/gu, '')
  return lookAlikes.reduce((left, [latin, other]) => left.replaceAll(other, latin), plain)
}

/** Digits of four scripts for ASCII ones. */
export const digitScripts: readonly Dress[] = [0xff10, 0x660, 0x6f0, 0x966].map(
  zero => text => text.replace(/\d/g, digit => String.fromCodePoint(zero + Number(digit)))
)
