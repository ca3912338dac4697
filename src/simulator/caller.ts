import type { Agent, OutgoingHttpHeaders } from 'node:http'
import { inboundParams } from './inbound-params.ts'
import { postSigned, type SignedRequest, signedRequest, type WebhookAnswer } from './signed-post.ts'
import { newSid } from './twilio-messages.ts'
import { encodeForm, type Params, signTwilio } from './twilio-signer.ts'

/** A person's phone and the side of Twilio that calls webhooks for it. */
export interface CallerOptions {
  readonly accountSid: string
  readonly authToken: string
  /** What the server was told as `PUBLIC_URL`: the base of what is signed. */
  readonly publicUrl: string
  /** Where the server really listens, where that is not the public URL. */
  readonly deliverTo?: string
  /** The person's address and ours: `whatsapp:+…` or `+…`. */
  readonly from: string
  readonly to: string
  readonly profileName?: string
  /** Puts a voice note where the server will fetch it: `addMedia` of the simulator, or a request to it. */
  readonly addMedia?: (messageSid: string, bytes: Uint8Array, contentType: string) => string | Promise<string>
  /** Keeps connections open, for load. */
  readonly agent?: Agent
}

/** An attachment: its address at Twilio, or bytes that are put there first. The type is `audio/ogg` unless named. */
export type Attachment = string | { readonly bytes: Uint8Array; readonly contentType?: string }

/** What came back, and the SID that the message went out under. */
export type Posted = WebhookAnswer & { readonly messageSid: string }

/** A message with buttons as it was delivered: one of the simulator's `messages`. */
export interface Tappable {
  readonly sid: string
  readonly from: string
  readonly buttons: readonly { readonly title: string; readonly id: string }[]
}

/** How a webhook deviates from an ordinary one. */
export interface Deviation {
  /** The path below the public URL; the messages webhook by default. */
  readonly path?: string
  /** Over the headers that Twilio sends, the signature among them; `undefined` takes one away. */
  readonly headers?: OutgoingHttpHeaders
}

/** Sends what a person says or writes as signed webhooks. */
export interface Caller {
  text(body: string, extra?: Params): Promise<Posted>
  voiceNote(attachments: Attachment | readonly Attachment[], caption?: string, extra?: Params): Promise<Posted>
  /** Taps the button with this title; `extra` makes a forged tap of it. Throws an Error where the message has no such button. */
  tap(message: Tappable, title: string, extra?: Params): Promise<Posted>
  /** The parameters of a tap, to post again or to sign otherwise. */
  tapParams(message: Tappable, title: string, extra?: Params): Params
  /** Signs and posts exactly these parameters. */
  raw(params: Params, deviation?: Deviation): Promise<Posted>
  /** The parameters of a text message, to post, sign or print later. */
  textParams(body: string, extra?: Params): Params
  /** Signs a text message without sending it, for a load generator. */
  prepared(body: string, extra?: Params): SignedRequest
  sign(url: string, params: Params): string
  /** A command for sh that posts these parameters, signed. */
  curlCommand(params: Params, path?: string): string
}

/** Makes a caller. */
export function createCaller(options: CallerOptions): Caller {
  const { accountSid, authToken, from, to, agent, profileName = 'Asha' } = options
  const base = options.publicUrl.replace(/\/$/, '')
  const sign = (url: string, params: Params) => signTwilio(authToken, url, params)

  function textParams(body: string, extra: Params = {}): Params {
    const messageSid = newSid('SM')
    return { ...inboundParams({ messageSid, accountSid, from, to, body, profileName, media: [] }), ...extra }
  }

  async function raw(params: Params, { path = messagesPath, headers }: Deviation = {}): Promise<Posted> {
    const all = { 'I-Twilio-Idempotency-Token': newSid(''), ...headers }
    const { deliverTo } = options
    const answer = await postSigned({ url: base + path, params, authToken, headers: all, deliverTo, agent })
    return { ...answer, messageSid: String(params.MessageSid ?? '') }
  }

  async function voiceNote(attachments: Attachment | readonly Attachment[], caption = '', extra: Params = {}) {
    const list = Array.isArray(attachments) ? attachments : [attachments]
    const named = list.map(item => (typeof item === 'string' ? sidInPath.exec(item)?.[0] : undefined)).find(Boolean)
    const messageSid = named ?? newSid('SM')
    const media = await Promise.all(list.map(item => upload(messageSid, item)))
    const message = { messageSid, accountSid, from, to, body: caption, profileName, media }
    return raw({ ...inboundParams(message), ...extra })
  }

  async function upload(messageSid: string, item: Attachment): Promise<{ url: string; contentType: string }> {
    if (typeof item === 'string') return { url: item, contentType: voiceNoteType }
    if (options.addMedia === undefined) throw new Error('Give the caller addMedia to send bytes')
    const { bytes, contentType = voiceNoteType } = item
    return { url: await options.addMedia(messageSid, bytes, contentType), contentType }
  }

  function tapParams({ sid, from: sender, buttons }: Tappable, title: string, extra: Params = {}): Params {
    const button = buttons.find(each => each.title === title)
    if (button === undefined) throw new Error(`The message has no button "${title}"`)
    const tapped = { ButtonText: title, ButtonPayload: button.id }
    const original = { OriginalRepliedMessageSid: sid, OriginalRepliedMessageSender: sender }
    const flags = { MessageType: 'interactive', Forwarded: 'false', FrequentlyForwarded: 'false' }
    return textParams(title, { ...flags, ...tapped, ...original, ...extra })
  }

  return {
    text: (body, extra) => raw(textParams(body, extra)),
    voiceNote,
    raw,
    tap: (message, title, extra) => raw(tapParams(message, title, extra)),
    tapParams,
    textParams,
    prepared: (body, extra) => signedRequest({ url: base + messagesPath, params: textParams(body, extra), authToken }),
    sign,
    curlCommand(params, path = messagesPath) {
      const signature = sign(base + path, params)
      const { origin, pathname, search } = new URL(base + path)
      const url = (options.deliverTo ?? origin) + pathname + search
      const data = encodeForm(params).split('&')
      const lines = [`-H ${quoted(`X-Twilio-Signature: ${signature}`)}`, ...data.map(pair => `-d ${quoted(pair)}`)]
      return [`curl -sS -i ${quoted(url)}`, ...lines].join(' \\\n  ')
    }
  }
}

const messagesPath = '/webhooks/twilio/messages'

const voiceNoteType = 'audio/ogg'

// An attachment belongs to one message: Twilio would never send it under another SID.
const sidInPath = /(?<=\/Messages\/)(?:SM|MM)[0-9a-f]{32}(?=\/Media\/)/i

/** In single quotes sh takes everything as it stands but the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
