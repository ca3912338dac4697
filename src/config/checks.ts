import { isIP } from 'node:net'
import { z } from 'zod'
import { isLoopback } from '../channels/public-url.ts'
import { inspectUri, type UriFacts } from '../store/mongodb/uri.ts'

/** What a person must know of a variable: `.env.example`, the README and `doctor` say it from here. */
export interface Variable {
  readonly name: string
  readonly meaning: string
  readonly default?: string
  readonly required?: true
  /** Its value is never shown. */
  readonly secret?: true
}

/** Keeps what each check is for beside the check. */
export const documented = z.registry<Omit<Variable, 'name'>>()

/** A text that passes `test`; `what` says what to set, and completes the sentence about a missing or a bad one. */
export function text(what: string, test: RegExp | ((value: string) => boolean) = /\S/) {
  return z
    .string({ error: `is missing: set it to ${what}` })
    .refine(value => (test instanceof RegExp ? test.test(value) : test(value)), { error: notValid(what) })
}

/** A secret that Twilio made (rule R5): never empty, short or with white space. */
export function token() {
  return text('the secret as the Twilio console shows it (16 characters or more, no white space)', /^[!-~]{16,}$/)
}

/** A key of a provider: it becomes a header. */
export function key() {
  return text('a key without white space', /^[!-~]+$/)
}

/** The name of a model. */
export function model(use: string, fallback: string) {
  return text('the name of a model', /^[\w.:@/-]{1,100}$/)
    .default(fallback)
    .register(documented, { meaning: `model that ${use}`, default: fallback })
}

/** A whole number within bounds. */
export function whole(meaning: string, min: number, max: number, fallback: number) {
  const inRange = (value: string) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max
  return text(`a whole number from ${min} to ${max}`, inRange)
    .transform(Number)
    .default(fallback)
    .register(documented, { meaning, default: String(fallback) })
}

/** One of a few words, the first of which is the default. */
export function choice<const W extends readonly [string, ...string[]]>(meaning: string, words: W) {
  return z
    .enum(words, { error: notValid(`one of ${words.join(', ')}`) })
    .default(words[0])
    .register(documented, { meaning, default: words[0] })
}

/** Comma-separated items that each pass `test`. */
export function list(what: string, test: (item: string) => boolean) {
  const items = (value: string) => value.split(',').map(item => item.trim())
  return text(what, value => items(value).every(test)).transform(items)
}

/** A value that `parse` understands. What it throws is not shown, since it may hold the value, unless `explain` makes a sentence of it. */
export function checked<T>(what: string, parse: (value: string) => T, explain = (_: unknown) => notValid(what)) {
  return text(what).transform((value, context) => {
    try {
      return parse(value)
    } catch (error) {
      context.issues.push({ code: 'custom', message: explain(error), input: value })
      return z.NEVER
    }
  })
}

function notValid(what: string): string {
  return `is not valid: set it to ${what}`
}

/** A host name as URLs hold it. */
export function isHost(value: string): boolean {
  return URL.canParse(`http://${value}/`) && new URL(`http://${value}/`).host === value && value.includes('.')
}

/** An origin that credentials of Twilio may go to: Twilio's own, or one of this machine. */
export function apiOrigin(value: string): string {
  const url = new URL(value)
  if (url.origin !== value.replace(/\/$/, '')) throw new TypeError('more than an origin')
  if (url.origin !== 'https://api.twilio.com' && !isLoopback(url.hostname)) throw new TypeError('a foreign host')
  return url.origin
}

/** The base URL of a provider, without the slash at its end. */
export function baseUrl(value: string): string {
  const url = new URL(value)
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!plain || !/^https?:$/.test(url.protocol)) throw new TypeError('more than a base URL')
  return url.href.replace(/\/+$/, '')
}

/** An origin that a secret may be asked of: https, or http on this machine. */
export function secretOrigin(value: string): string {
  const url = new URL(value)
  if (url.origin !== value.replace(/\/$/, '')) throw new TypeError('more than an origin')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw new TypeError('in the clear')
  }
  return url.origin
}

/** Where tools' secrets come from: the kind of the source, and what it calls the place. */
export function secretSource(value: string): { kind: 'env' | 'file' | 'vault' | 'aws'; where: string } {
  const [, kind = '', where] = /^(env|file|vault|aws)(?::(.+))?$/.exec(value) ?? []
  if (kind === 'env' && where === undefined) return { kind, where: '' }
  if (kind === 'file' && where !== undefined) return { kind, where }
  const place = where ?? (kind === 'vault' ? 'secret/knomly' : 'knomly')
  if (kind === 'vault' && /^[\w-]{1,100}(?:\/[\w-]{1,100}){1,8}$/.test(place)) return { kind, where: place }
  if (kind === 'aws' && /^[\w-]{1,100}(?:\/[\w-]{1,100}){0,8}$/.test(place)) return { kind, where: place }
  throw new TypeError('not a source of secrets')
}

/** The URI of a database, with what it says about its own protection. */
export function databaseUri(value: string): UriFacts & { readonly uri: string } {
  const facts = inspectUri(value)
  if (facts === null) throw new TypeError('not a URI of a database')
  return { uri: value, ...facts }
}

/** 32 bytes from their base64. */
export function masterKey(value: string): Buffer {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== 32 || bytes.toString('base64') !== value) throw new TypeError('not 32 bytes')
  return bytes
}

const address = /^(whatsapp:)?\+[1-9]\d{6,14}$|^\d{3,8}$/
// A WhatsApp user without a number is known by a business-scoped id (twilio.com/docs/whatsapp, rule R22).
const scopedUser = /^whatsapp:[A-Z]{2}\.([A-Z]+\.)?[A-Za-z0-9]{1,128}$/

/** Whether it is an address that messages can be sent from. */
export function isAddress(value: string): boolean {
  return address.test(value)
}

/** Whether it is an address that a person can write from. */
export function isPerson(value: string): boolean {
  return address.test(value) || scopedUser.test(value)
}

/** Whether it is the id of a signing key with its secret. */
export function isSharedKey(value: string): boolean {
  return /^[\w-]{1,200}=[!-~]{16,}$/.test(value)
}

/** Whether the runtime knows the time zone. */
export function isTimeZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).format() !== ''
  } catch {
    return false
  }
}

/** Whether it is an IP address, or a range of them that is not all of them. */
export function isRange(value: string): boolean {
  const [ip = '', bits, ...rest] = value.split('/')
  const longest = isIP(ip) === 6 ? 128 : 32
  if (isIP(ip) === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= longest)
}
