import { Failure } from '../frames/failure.ts'
import type { Form } from './channel.ts'
import { type Pair, parsePairs, toForm } from './form.ts'
import { signedOrigins } from './public-url.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { checkSignature, type HeaderValue, readClaim } from './twilio-signature.ts'

/** What is asked of a request: nothing of it but this enters the decision, and least of all its Host. */
export interface WebhookRequest {
  /** The request target as it stood on the wire. */
  readonly target: string
  readonly signature: HeaderValue
  readonly settings: HeaderValue
  readonly body: Uint8Array
}

/** A request that was signed for one of our accounts. */
export interface Webhook {
  readonly account: TwilioAccount
  readonly form: Form
}

/** The paths that Twilio calls, as they are configured there. */
export const webhookPaths = { messages: '/webhooks/twilio/messages', status: '/webhooks/twilio/status' } as const

const paths: ReadonlySet<string> = new Set(Object.values(webhookPaths))
// Printable ASCII without `#` and `\`: a URL parser would fold what else there can be.
const plainQuery = /^[!"$-[\]-~]*$/
// A request for a foreign account costs as much time as a forged one for ours, and is refused whatever comes out.
const nobody = { authTokens: ['0'.repeat(32)], sharedKeys: new Map<string, string>() }

/**
 * Makes the check that stands before the webhook routes, in the order of rule R11: header shape, route, parse, signature, policy. It
 * throws the failure that says at which one a request was stopped. `publicUrl` is canonical (`parsePublicUrl`).
 */
export function webhookAuthenticator(
  publicUrl: string,
  accounts: ReadonlyMap<string, TwilioAccount>
): (request: WebhookRequest) => Webhook {
  const origins = signedOrigins(publicUrl)
  return ({ target, signature, settings, body }) => {
    const claim = readClaim(signature, settings)
    if (!claim.ok) throw new Failure(claim.reason)
    if (!isCanonical(target)) throw new Failure('TARGET_NOT_CANONICAL')
    const pairs = parsePairs(body)
    const account = accountOf(pairs, accounts)
    const verdict = checkSignature(claim, { origins, target, content: { pairs } }, account ?? nobody)
    if (account === undefined) throw new Failure('ACCOUNT_UNKNOWN')
    if (!verdict.ok) throw new Failure(verdict.reason)
    return { account, form: toForm(pairs) }
  }
}

/** Whether a raw target names a webhook path byte for byte, with or without a query (rule R2). */
export function isCanonical(target: string): boolean {
  const mark = target.indexOf('?')
  if (mark < 0) return paths.has(target)
  return paths.has(target.slice(0, mark)) && plainQuery.test(target.slice(mark + 1))
}

/** The opaque id that a status callback carries back in its URL (`?s=`), or null. */
export function sendOf(target: string): string | null {
  return /[?&]s=([\w-]{1,64})(?:&|$)/.exec(target)?.[1] ?? null
}

function accountOf(pairs: readonly Pair[], accounts: ReadonlyMap<string, TwilioAccount>): TwilioAccount | undefined {
  const named = pairs.filter(([key]) => key === 'AccountSid')
  const [sid] = named.length === 1 ? named : []
  return sid === undefined ? undefined : accounts.get(sid[1])
}
