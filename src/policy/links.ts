import { parse } from 'tldts'

/** What stands where a link was. */
export const removedLink = '(link removed)'

// What leads somewhere when it is tapped or looked at: a scheme, a telephone or mail link, or a bare host with a known ending.
const candidate = /[^\s<>"'`«»“”‘’]+/gu
const [opening, closing] = [new Set('([{*_~.,;:!?¡¿|'), new Set(')]}*_~.,;:!?|。｡')]
const quad = /^\d{1,3}(?:\.\d{1,3}){3}(?:[:/?#]|$)/
/** An address of IPv6 stands in brackets, which otherwise end a link. */
const sixth = /[a-z][a-z0-9+.-]{0,20}:\/\/[^\s[\]]{0,200}\[[0-9a-f:.]{2,50}\][^\s)\]}*]*/giu
/** An e-mail address by itself opens no page and fetches nothing. */
const mailAddress = /^[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}$/
const named =
  'tel|sms|smsto|mailto|whatsapp|intent|data|javascript|geo|market|maps|callto|facetime|skype|tg|viber|sgnl|magnet'
const schemes = new RegExp(`^(?:[a-z][a-z0-9+.-]*:\\/\\/|\\/\\/.|(?:${named}):)`, 'i')
/** A scheme in the middle of what has no space in it: behind `src=`, or behind the words of a script that sets none. */
const innerScheme = new RegExp(
  `[a-z][a-z0-9+.-]{0,20}:\\/\\/|(?:https?|ftp|wss?):|(?<![a-z0-9+.-])(?:${named}):|\\/\\/(?=[^\\s/]*[.[:])`,
  'i'
)
/** What ends a word wherever it is written, in wide letters too; the full stop of Chinese is a dot to browsers. */
const between = /[()[\]{}|,\s，、；：！？「」『』（）【】《》〈〉［］｛｝…]/u
/** What may be a host with what follows it, in all scripts and in one. */
const pieces = /[\p{L}\p{N}\p{M}._@%/。｡．＠／-]+/gu
const westernPieces = /[\w.@%/-]+/g
/** Endings that no registry gives out: of one's own network, of Tor, and of examples. */
const localName = /\.(?:example|invalid|test|local|localhost|internal|onion|lan|home|corp|arpa)$/

/** Whose links may stay: those that lead to a host of `allowed` or below it, and those that the person typed. */
export interface WhoseLinks {
  readonly allowed: ReadonlySet<string>
  readonly typed: string
}

/**
 * Takes the links out of a text that lead to no host of `allowed` (or below it) and that the person did not type: words that somebody
 * else has put into a model are not to carry anything away (safety rule 3.8). The rest stays as it is.
 */
export function withoutForeignLinks(text: string, about: WhoseLinks): string {
  const typed = new Set(linksIn(about.typed))
  const isTheirs = (link: string) => typed.has(link) || standsIn(about.typed, link)
  return text.replace(candidate, token =>
    linksIn(token).reduce(
      (left, link) =>
        isTheirs(link) || isAllowed(hostOf(link), about.allowed) ? left : left.replaceAll(link, removedLink),
      token
    )
  )
}

/** Whether a value or a name in the arguments of a call holds a link that `withoutForeignLinks` takes out: it could carry away what was read. */
export function holdsForeignLinks(given: Readonly<Record<string, unknown>>, about: WhoseLinks): boolean {
  const text = textsIn(given).join('\n')
  return withoutForeignLinks(text, about) !== text
}

// What stands beside a link and would make another one of it.
const belongsBefore = /[\p{L}\p{N}.@/_%:-]$/u
const belongsBehind = /^[\p{L}\p{N}@/_%:?#=&-]/u

/** Whether a text holds a link with nothing before or behind that could belong to it: who sets no space behind a full stop typed it all the same. */
function standsIn(text: string, link: string): boolean {
  for (let at = text.indexOf(link); at >= 0; at = text.indexOf(link, at + 1)) {
    const end = at + link.length
    if (!belongsBefore.test(text.slice(Math.max(0, at - 2), at)) && !belongsBehind.test(text.slice(end, end + 2)))
      return true
  }
  return false
}

/**
 * Whether the arguments of a call hold a link, and no link to anywhere but these hosts (or below them). A text that is not a link as a
 * whole must look like none anywhere: who reads it may make more of it than we do.
 */
export function leadsOnlyTo(given: Readonly<Record<string, unknown>>, allowed: ReadonlySet<string>): boolean {
  const links = textsIn(given).filter(text => URL.canParse(text) || slashes.test(text) || linksIn(text).length > 0)
  return links.length > 0 && links.every(link => isWeb(link) && isAllowed(hostOf(link), allowed))
}

const slashes = /[\\/]{2}|:[\\/]/

function isWeb(link: string): boolean {
  // A space or a line end in it may begin another link for whoever reads it.
  return /^https?:\/\/[!-~]+$/i.test(link) && !link.includes('\\') && URL.canParse(link)
}

/** Every text of a value, the names in it included. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [...(Array.isArray(value) ? [] : [name]), ...textsIn(inner)])
}

/** The links of a text, word for word. A Markdown link counts by its target. */
function linksIn(text: string): string[] {
  return (text.match(candidate) ?? []).flatMap(token => [
    ...(token.match(sixth) ?? []),
    ...token.replace(sixth, ' ').split(between).map(withoutEdges).flatMap(linkOf)
  ])
}

/** The link that a part is, or that begins in the middle of it: from there on, all of it. */
function linkOf(part: string): string[] {
  if (part === '') return []
  if (isLink(part)) return [part]
  const inner = innerScheme.exec(narrow(part))?.index ?? part.length
  const start = hostIn(part.slice(0, inner)) ?? inner
  return start < part.length ? [withoutEdges(part.slice(start))].filter(link => link !== '') : []
}

/** Where in a part a host begins, behind what can be no part of one or behind letters of another script. */
function hostIn(part: string): number | null {
  for (const pattern of [pieces, westernPieces]) {
    for (const { 0: piece, index } of part.matchAll(pattern)) {
      const start = piece.search(/[\p{L}\p{N}]/u)
      if (start >= 0 && isLink(withoutEdges(piece.slice(start)))) return index + start
    }
  }
  return null
}

/** Without the punctuation around it. Walked by hand: a pattern that is tied to the end takes quadratic time. */
function withoutEdges(part: string): string {
  let [from, to] = [0, part.length]
  while (from < to && opening.has(part[from] ?? '')) from++
  while (to > from && closing.has(part[to - 1] ?? '')) to--
  return part.slice(from, to)
}

function isLink(part: string): boolean {
  if (schemes.test(plain(part))) return true
  if (mailAddress.test(plain(part))) return false
  const host = hostOf(part)
  if (host === null || !host.includes('.')) return false
  if (/^www\./i.test(plain(part)) || localName.test(host)) return true
  const { isIp, isIcann, domain } = parse(host)
  // A date or a price is an address to a browser, and nobody makes a link of it.
  return isIp === true ? quad.test(plain(part)) : isIcann === true && domain !== null
}

/** Where a link leads, by the rules that browsers go by; null where it leads to no host. */
function hostOf(link: string): string | null {
  const text = plain(link)
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : schemes.test(text) ? null : `http://${text}`
  if (url === null || !URL.canParse(url)) return null
  return new URL(url).hostname.replace(/\.$/, '') || null
}

/** Wide signs as the ones that they stand for, each at its place. */
function narrow(text: string): string {
  return text.replace(/[\uff01-\uff5e]/g, wide => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
}

/** Wide letters and dots of other scripts as the ones that name hosts. */
function plain(link: string): string {
  return link.normalize('NFKC').replace(/[\u3002\uff61]/gu, '.')
}

function isAllowed(host: string | null, allowed: ReadonlySet<string>): boolean {
  return host !== null && [...allowed].some(known => host === known || host.endsWith(`.${known}`))
}
