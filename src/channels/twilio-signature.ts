import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { FailureCode } from '../frames/failure.ts'
import type { Pair } from './form.ts'
import type { TwilioAccount } from './twilio-account.ts'

/** The value of a header as Node gives it: a repeated one arrives joined, or as a list. */
export type HeaderValue = string | readonly string[] | undefined

/** What the headers say was done: this text came out of this hash under the account's token, or under the shared key of that id. */
export type Claim =
  | { readonly ok: true; readonly signature: string; readonly hash: 'sha1' | 'sha256'; readonly key: string | null }
  | Refusal

/** Whether a request was signed by whoever holds one of the keys, and if not, why it is refused. */
export type Verdict = { readonly ok: true } | Refusal
type Refusal = { readonly ok: false; readonly reason: FailureCode }

/** What was signed: the origins that count (`signedOrigins`), the request target byte for byte, and the pairs of the form or the raw JSON. */
export interface Signed {
  readonly origins: readonly string[]
  readonly target: string
  readonly content: { readonly pairs: readonly Pair[] } | { readonly json: Uint8Array }
}

const shapes = { sha1: /^[A-Za-z0-9+/]{27}=$/, sha256: /^[A-Za-z0-9+/]{43}=$/ }
const settingsShape = /^key=([\w-]{1,128}),algorithm=HMAC_(SHA1|SHA256)$/

/**
 * Reads `X-Twilio-Signature` and `X-Twilio-Webhooks-Signature-Settings` (rules R6 and R7): each at most once and exactly of its shape,
 * never trimmed, decoded or case-folded.
 */
export function readClaim(signature: HeaderValue, settings: HeaderValue): Claim {
  if (signature === undefined) return { ok: false, reason: 'SIGNATURE_MISSING' }
  const named = typeof settings === 'string' ? settingsShape.exec(settings) : null
  if (settings !== undefined && named === null) return { ok: false, reason: 'SIGNATURE_KEY_UNKNOWN' }
  const hash = named?.[2] === 'SHA256' ? 'sha256' : 'sha1'
  if (typeof signature !== 'string' || !shapes[hash].test(signature))
    return { ok: false, reason: 'SIGNATURE_MALFORMED' }
  return { ok: true, signature, hash, key: named?.[1] ?? null }
}

/**
 * Checks a claim (twilio.com/docs/usage/security, rules R3, R6, R9): base64 of the HMAC over the URL and every key and value, ordered by key.
 * All origins are tried under all keys that count, without an early end, so that the time taken tells nothing.
 */
export function checkSignature(
  claim: Claim,
  signed: Signed,
  keys: Pick<TwilioAccount, 'authTokens' | 'sharedKeys'>
): Verdict {
  if (!claim.ok) return claim
  const known = claim.key === null || keys.sharedKeys.has(claim.key)
  const secrets = claim.key === null ? keys.authTokens : [keys.sharedKeys.get(claim.key) ?? 'held-by-nobody']
  const afterOrigin = Buffer.from(signed.target + ('pairs' in signed.content ? joinPairs(signed.content.pairs) : ''))
  const candidates: Buffer[] = []
  for (const secret of secrets.filter(isSecret)) {
    for (const origin of signed.origins) candidates.push(sign(claim.hash, secret, origin, afterOrigin))
  }
  const claimed = Buffer.from(claim.signature)
  const matching = candidates.filter(candidate => timingSafeEqual(candidate, claimed))
  if (!known) return { ok: false, reason: 'SIGNATURE_KEY_UNKNOWN' }
  const whole = 'pairs' in signed.content || namesHash(signed.target, signed.content.json)
  return matching.length > 0 && whole ? { ok: true } : { ok: false, reason: 'SIGNATURE_INVALID' }
}

function sign(hash: 'sha1' | 'sha256', secret: string, origin: string, afterOrigin: Buffer): Buffer {
  return Buffer.from(createHmac(hash, keyOf(secret)).update(origin).update(afterOrigin).digest('base64'))
}

// Making the key costs as much as signing with it; there are only the configured secrets.
const keys = new Map<string, KeyObject>()

function keyOf(secret: string): KeyObject {
  const key = keys.get(secret) ?? createSecretKey(secret, 'utf8')
  keys.set(secret, key)
  return key
}

function joinPairs(pairs: readonly Pair[]): string {
  let text = ''
  let last: Pair | undefined
  for (const pair of pairs.toSorted(byKeyAndValue)) {
    // Twilio signs the values of a repeated key once each.
    if (pair[0] !== last?.[0] || pair[1] !== last[1]) text += pair[0] + pair[1]
    last = pair
  }
  return text
}

function byKeyAndValue([keyA, valueA]: Pair, [keyB, valueB]: Pair): number {
  if (keyA !== keyB) return keyA < keyB ? -1 : 1
  if (valueA !== valueB) return valueA < valueB ? -1 : 1
  return 0
}

/** JSON is signed through its SHA-256 in the query (rule R8): named once, in lower case, or the body is not signed at all. */
function namesHash(target: string, body: Uint8Array): boolean {
  const query = target.slice(target.indexOf('?') + 1)
  const named = query.split('&').filter(part => part.startsWith('bodySHA256='))
  const expected = Buffer.from(`bodySHA256=${createHash('sha256').update(body).digest('hex')}`)
  const first = Buffer.from(named[0] ?? '')
  return named.length === 1 && first.length === expected.length && timingSafeEqual(first, expected)
}

/** Anybody can sign with an empty key, and a key with white space in it was pasted badly. */
function isSecret(secret: string): boolean {
  return /^\S+$/.test(secret)
}
