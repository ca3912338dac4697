import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { answer } from './loopback.ts'
import { newSid } from './twilio-messages.ts'

/** How an attachment behaves when it is fetched. All but `direct`, `error` and `hang` redirect to a signed address first. */
export type MediaMode =
  | { readonly kind: 'redirect' }
  /** Answers at the API itself, without a redirect. */
  | { readonly kind: 'direct' }
  /** Answers `status` to the first `times` tries, for ever where absent: late media is `{status: 404, times: 2}`. */
  | { readonly kind: 'error'; readonly status: number; readonly times?: number }
  | { readonly kind: 'hang' }
  /** Redirects to a place that Twilio would not: the product must not go there. */
  | { readonly kind: 'foreign'; readonly location: string }
  | { readonly kind: 'loop' }
  /** Streams 17 MB and does not announce the length. */
  | { readonly kind: 'oversized' }
  /** Sends one byte in each `everyMs`. */
  | { readonly kind: 'drip'; readonly everyMs: number }
  | { readonly kind: 'mistyped'; readonly contentType: string }
  /** Announces the whole length and is cut off half-way. */
  | { readonly kind: 'truncated' }

/** An attachment of an inbound message. */
export interface Media {
  readonly sid: string
  readonly messageSid: string
  readonly bytes: Uint8Array
  readonly contentType: string
  mode: MediaMode
}

/** The attachments of one account. */
export interface MediaShelf {
  add(messageSid: string, bytes: Uint8Array, contentType: string, mode: MediaMode): Media
  find(messageSid: string, mediaSid: string): Media | null
  /** The attachments of a message as the API lists them. */
  list(messageSid: string): object
  remove(mediaSid: string): void
  holdsAnyOf(messageSid: string): boolean
  /** Forgets every attachment of a message, as deleting the message does. */
  removeOf(messageSid: string): void
  /** Answers at the API's address. */
  serve(media: Media, response: ServerResponse): void
  /** Whether the signed address is one of this account. */
  signed(token: string): boolean
  /** Answers at the signed address, which takes no credentials. */
  serveSigned(token: string, authorized: boolean, response: ServerResponse): Promise<void>
}

/** Keeps the attachments of an account in memory; `origin` is where signed addresses point to. */
export function createMediaShelf(accountSid: string, origin: () => string): MediaShelf {
  const shelf = new Map<string, Media>()
  const signed = new Map<string, Media>()

  function ofMessage(messageSid: string): Media[] {
    return [...shelf.values()].filter(media => media.messageSid === messageSid)
  }

  function redirect(media: Media, response: ServerResponse): void {
    const token = newSid('')
    signed.set(token, media)
    const foreign = media.mode.kind === 'foreign' ? media.mode.location : null
    response.writeHead(307, { Location: foreign ?? `${origin()}/media/${token}`, 'Content-Length': 0 }).end()
  }

  function serve(media: Media, response: ServerResponse): void {
    const { mode } = media
    if (mode.kind === 'hang') return
    if (mode.kind === 'direct') answer(response, 200, media.contentType, media.bytes)
    else if (mode.kind === 'error') {
      if (mode.times !== undefined) media.mode = oneLess(mode.status, mode.times)
      answer(response, mode.status, 'application/xml', '<TwilioResponse/>')
    } else redirect(media, response)
  }

  return {
    add(messageSid, bytes, contentType, mode) {
      const media = { sid: newSid('ME'), messageSid, bytes, contentType, mode }
      shelf.set(media.sid, media)
      return media
    },
    find(messageSid, mediaSid) {
      const media = shelf.get(mediaSid)
      return media?.messageSid === messageSid ? media : null
    },
    list(messageSid) {
      const base = `/2010-04-01/Accounts/${accountSid}/Messages/${messageSid}/Media`
      const media_list = ofMessage(messageSid).map(({ sid, contentType }) => {
        return {
          ...{ sid, account_sid: accountSid, parent_sid: messageSid, content_type: contentType },
          ...{ date_created: null, date_updated: null, uri: `${base}/${sid}.json` }
        }
      })
      return { media_list, uri: `${base}.json`, page: 0, page_size: 50, start: 0, end: 0, next_page_uri: null }
    },
    remove: mediaSid => void shelf.delete(mediaSid),
    holdsAnyOf: messageSid => ofMessage(messageSid).length > 0,
    removeOf(messageSid) {
      for (const media of ofMessage(messageSid)) shelf.delete(media.sid)
    },
    serve,
    signed: token => signed.has(token),
    async serveSigned(token, authorized, response) {
      const media = signed.get(token)
      if (media === undefined || !shelf.has(media.sid)) return answer(response, 404, 'text/plain', '')
      // As S3 does where a signed address is called with credentials: "only one auth mechanism allowed".
      if (authorized) return answer(response, 400, 'application/xml', '<Error><Code>InvalidArgument</Code></Error>')
      if (media.mode.kind === 'loop') return redirect(media, response)
      await sendContent(media, response)
    }
  }
}

function oneLess(status: number, times: number): MediaMode {
  return times > 1 ? { kind: 'error', status, times: times - 1 } : { kind: 'redirect' }
}

async function sendContent({ bytes, contentType, mode }: Media, response: ServerResponse): Promise<void> {
  if (mode.kind === 'oversized') {
    response.writeHead(200, { 'Content-Type': contentType })
    const chunk = Buffer.alloc(1_000_000)
    for (let sent = 0; sent < 17 && !response.destroyed; sent++) await write(response, chunk)
    response.end()
  } else if (mode.kind === 'drip') {
    response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': bytes.length })
    for (let index = 0; index < bytes.length && !response.destroyed; index++) {
      response.write(bytes.subarray(index, index + 1))
      await wait(mode.everyMs, undefined, { ref: false })
    }
    response.end()
  } else if (mode.kind === 'truncated') {
    response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': bytes.length })
    await write(response, bytes.subarray(0, bytes.length >> 1))
    response.destroy()
  } else {
    answer(response, 200, mode.kind === 'mistyped' ? mode.contentType : contentType, bytes)
  }
}

/** Settles when the chunk has left, or its reader has. */
function write(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      response.off('close', done)
      resolve()
    }
    response.once('close', done)
    response.write(chunk, done)
  })
}
