import { type Pair, parsePairs } from '../channels/form.ts'
import { signedOrigins } from '../channels/public-url.ts'
import type { Config } from '../config.ts'

/** One way in which a part of a request may have been signed; `reason` says how that differs from what the server checks, null for not at all. */
export interface Variant<T> {
  readonly value: T
  readonly reason: { readonly detail: string; readonly remedy: string } | null
}

/** The secrets that may have signed: the current token first. */
export function keysOf({ account }: Config): Variant<string>[] {
  const shared = [...account.sharedKeys].map(([id, value]) => ({
    value,
    reason: {
      detail: `It was made with the shared key ${id}.`,
      remedy: 'Twilio names that key in X-Twilio-Webhooks-Signature-Settings: the header must arrive as well.'
    }
  }))
  // Both tokens of a rotation are valid to the server.
  return [...account.authTokens.map(value => ({ value, reason: null })), ...shared]
}

/** The header as it is, and as it was before a tool unescaped it. */
export function signaturesOf(signature: string): Variant<string>[] {
  const remedy = 'Pass the header on as it came: the server compares it byte for byte.'
  return distinct([
    { value: signature, reason: null },
    ...[
      signature.trim(),
      signature.replaceAll(' ', '+'),
      signature.replaceAll('%2B', '+').replaceAll('%2F', '/').replaceAll('%3D', '=')
    ].map(value => ({
      value,
      reason: { detail: 'The header was changed: white space or escapes do not belong in it.', remedy }
    }))
  ])
}

/** The origins that Twilio may have been told: those of `PUBLIC_URL` first. */
export function originsOf(called: string, hosts: readonly string[], publicUrl: string): Variant<string>[] {
  const ours = signedOrigins(publicUrl)
  const others = [called, ...hosts.flatMap(host => [`https://${host}`, `http://${host}`])].flatMap(spellings)
  const swapped = ours.flatMap(spellings)
  return distinct([
    ...ours.map(value => ({ value, reason: null })),
    ...[...swapped, ...others].map(value => ({
      value,
      reason: {
        detail: `Twilio signed for ${value}, and the server checks for ${publicUrl}.`,
        remedy: 'Set PUBLIC_URL to the origin that stands in the Twilio console, or change it there.'
      }
    }))
  ])
}

/** The path and query as called, and as they may have been spelled at Twilio. */
export function targetsOf(target: string): Variant<string>[] {
  const [path = '', query] = splitAt(target.replace(/#.*$/s, ''), '?')
  const withQuery = (other: string) => (query === undefined ? other : `${other}?${query}`)
  const remedy = 'Let the URL in the Twilio console and what arrives here be the same, byte for byte.'
  const differing = (value: string, how: string) => ({
    value,
    reason: { detail: `Twilio signed a URL ${how}.`, remedy }
  })
  return distinct([
    { value: target.replace(/#.*$/s, ''), reason: null },
    differing(withQuery(`${path}/`), 'with a slash at the end of its path'),
    differing(withQuery(path.replace(/\/+$/, '')), 'without the slash at the end of its path'),
    differing(path, 'without the query'),
    differing(withQuery(path.toLowerCase()), 'with a path in lower case'),
    differing(unescaped(target), 'without its escapes'),
    ...['/webhooks/twilio/messages', '/webhooks/twilio/status'].map(other =>
      differing(withQuery(other), `with the path ${other}`)
    )
  ])
}

/** The form as given, and as a tool may have changed it. */
export function bodiesOf(body: Buffer, pairs: readonly Pair[]): Variant<readonly Pair[]>[] {
  const byteForByte = 'Pass the body on byte for byte; compare Content-Length with what arrives.'
  const differing = (value: readonly Pair[], detail: string, remedy = byteForByte) => ({
    value,
    reason: { detail, remedy }
  })
  const change = (how: (value: string) => string) => pairs.map(([key, value]) => [key, how(value)] as const)
  const trimmed = body.toString('latin1').replace(/[\r\n]+$/, '')
  return [
    { value: pairs, reason: null },
    differing(
      parsePairs(Buffer.from(trimmed, 'latin1')),
      'The file has a line break at its end that was not sent; without it the signature matches.',
      'Save the body without it (printf instead of echo).'
    ),
    differing(
      change(value => value.trim()),
      'Twilio signed values without white space around them.'
    ),
    ...[' ', '\n'].map(end =>
      differing(
        pairs.map(([key, value]) => (key === 'Body' ? [key, value + end] : [key, value])),
        'The words of the person lost the white space at their end on the way.'
      )
    ),
    differing(
      change(value => value.replace(/(^|:) (?=\d)/g, '$1+')),
      'The plus sign of a number was sent unescaped and reads as a space.'
    ),
    differing(
      change(value => Buffer.from(value, 'latin1').toString()),
      'The text was encoded twice on the way (UTF-8 read as Latin-1).'
    ),
    differing(
      pairs.filter(([, value]) => value !== ''),
      'Twilio signed a form without its empty parameters.'
    ),
    differing(
      [],
      'Only the URL was signed and not the form: so it is with GET and with JSON.',
      'Choose HTTP POST in the Twilio console.'
    )
  ]
}

/** An origin with both schemes, and with and without a port. */
function spellings(origin: string): string[] {
  const [, host = '', port = ''] = /^https?:\/\/(.*?)(:\d+)?$/i.exec(origin) ?? []
  return ['https', 'http'].flatMap(scheme => {
    const usual = scheme === 'https' ? ':443' : ':80'
    return [port, '', usual].map(each => `${scheme}://${host}${each}`)
  })
}

function distinct<T>(variants: readonly Variant<T>[]): Variant<T>[] {
  return [...new Map(variants.toReversed().map(each => [each.value, each])).values()].toReversed()
}

function splitAt(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function unescaped(target: string): string {
  try {
    return decodeURIComponent(target)
  } catch {
    return target
  }
}
