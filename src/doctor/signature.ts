import { type Pair, parsePairs } from '../channels/form.ts'
import { signedOrigins } from '../channels/public-url.ts'
import { checkSignature } from '../channels/twilio-signature.ts'
import { webhookAuthenticator } from '../channels/twilio-webhook.ts'
import type { Config } from '../config.ts'
import { Failure, failureRow } from '../frames/failure.ts'
import type { Finding } from './finding.ts'
import { bodiesOf, keysOf, originsOf, signaturesOf, targetsOf, type Variant } from './signed-variants.ts'

/** A request whose signature is to be explained: the header, the URL that was called, and the form as it was posted. */
export interface ClaimedRequest {
  readonly signature: string
  readonly url: string
  readonly body: Buffer
  /** Further hosts that Twilio may have been told, such as that of `X-Forwarded-Host`. */
  readonly hosts: readonly string[]
}

/** Finds what a signature was made over: what the server checks for the account of the form, or what differs from it. It names no secret. */
export function explainSignature(request: ClaimedRequest, configured: Config): Finding[] {
  const [, origin, target = '/'] = /^(https?:\/\/[^/?#\\\s]+)(.*)$/is.exec(request.url) ?? []
  if (origin === undefined)
    throw new Error('--url takes the whole URL that Twilio was told, with https:// and the path.')
  const pairs = pairsOf(request.body)
  if (pairs === null) {
    return [
      wrong('The body is no form in UTF-8.', 'Give the bytes as they were posted: nothing unescaped or pasted anew.')
    ]
  }
  const sid = pairs.find(([key]) => key === 'AccountSid')?.[1]
  const account = configured.accounts.find(each => each.sid === sid) ?? configured.account
  const config = { ...configured, account }
  const match = closest(candidates({ ...request, origin, target, pairs }, config))
  if (match === null) return [noMatch(request, pairs, config)]
  if (match.length > 0) return match.map(({ detail, remedy }) => wrong(detail, remedy))
  return [{ level: 'ok', name, detail: 'The signature is right.' }, ...policyOf(request, target, config)]
}

const name = 'signature'
const wholeSignature = /^(?:[A-Za-z0-9+/]{27}|[A-Za-z0-9+/]{43})=$/

type Reason = NonNullable<Variant<unknown>['reason']>
interface Parts extends ClaimedRequest {
  readonly origin: string
  readonly target: string
  readonly pairs: readonly Pair[]
}

/** Every way in which the request could have been signed, as the list of what differs from what the server checks. */
function* candidates(parts: Parts, config: Config): Generator<readonly Reason[]> {
  for (const key of keysOf(config)) {
    for (const signature of signaturesOf(parts.signature)) {
      if (!wholeSignature.test(signature.value)) continue
      for (const origin of originsOf(parts.origin, parts.hosts, config.publicUrl)) {
        for (const target of targetsOf(parts.target)) {
          for (const body of bodiesOf(parts.body, parts.pairs)) {
            const variants = [key, signature, origin, target, body]
            if (!matches(signature.value, key.value, origin.value + target.value, body.value)) continue
            yield variants.flatMap(({ reason }) => reason ?? [])
          }
        }
      }
    }
  }
}

function matches(signature: string, key: string, url: string, pairs: readonly Pair[]): boolean {
  const hash = signature.length > 28 ? 'sha256' : 'sha1'
  const signed = { origins: [''], target: url, content: { pairs } }
  const keys = { authTokens: [key], sharedKeys: new Map<string, string>() }
  return checkSignature({ ok: true, signature, hash, key: null }, signed, keys).ok
}

function closest(matching: Iterable<readonly Reason[]>): readonly Reason[] | null {
  return [...matching].sort((a, b) => a.length - b.length)[0] ?? null
}

function noMatch({ signature }: ClaimedRequest, pairs: readonly Pair[], { account, publicUrl }: Config): Finding {
  const sid = pairs.find(([key]) => key === 'AccountSid')?.[1]
  if (sid !== undefined && sid !== account.sid) {
    return wrong(
      'The form speaks for another account than those that are configured: it is signed with the token of that account.',
      'Set the SID and the token of the account (or sub-account) that the number belongs to, or name it in TWILIO_ACCOUNTS_FILE.'
    )
  }
  if (!wholeSignature.test(signature)) {
    return wrong('The signature is not whole: Twilio sends 28 characters of base64.', 'Copy the header as it stands.')
  }
  return wrong(
    `No spelling of the URL and the form gives this signature under the tokens that are set (checked against ${signedOrigins(publicUrl)[0]}).`,
    'Either TWILIO_AUTH_TOKEN is not (or no longer) that of the account, or --body is not byte for byte what was posted, or Twilio was told another host: try --host.'
  )
}

/** A right signature is not all that the server asks for. */
function policyOf({ signature, body }: ClaimedRequest, target: string, config: Config): Finding[] {
  try {
    const authenticate = webhookAuthenticator(config.publicUrl, new Map([[config.account.sid, config.account]]))
    const { form } = authenticate({ target, signature, settings: undefined, body })
    const to = form.get('To')
    if (!target.startsWith('/webhooks/twilio/messages') || (to !== undefined && config.account.senders.includes(to))) {
      return []
    }
    return [
      wrong(
        'The message is not addressed to one of TWILIO_SENDERS (or of the senders of its account).',
        'Add the address (To) of the form to them.'
      )
    ]
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [wrong(`The request is refused all the same: ${error.code}.`, failureRow(error.code).sentence)]
  }
}

function pairsOf(body: Buffer): readonly Pair[] | null {
  try {
    return parsePairs(body)
  } catch {
    return null
  }
}

function wrong(detail: string, remedy: string): Finding {
  return { level: 'wrong', name, detail, remedy }
}
