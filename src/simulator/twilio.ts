import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { answerControl, type Controls } from './control.ts'
import { createFaults, type Fault } from './faults.ts'
import { type Loopback, serveLoopback } from './loopback.ts'
import { createRequestLog, type SeenRequest } from './request-log.ts'
import { createTwilioApi } from './twilio-api.ts'
import { type CallbackPlan, createCallbacks, type PostedCallback } from './twilio-callbacks.ts'
import { createContentShelf } from './twilio-content.ts'
import { createMediaShelf, type MediaMode } from './twilio-media.ts'
import { createMessageLedger, newSid, type SendAttempt, type SentMessage } from './twilio-messages.ts'

/** A Twilio account that exists on this machine alone. */
export interface TwilioOptions {
  readonly accountSid: string
  /** Signs the callbacks and, with the SID, opens the API. */
  readonly authToken: string
  readonly apiKey?: { readonly sid: string; readonly secret: string }
  /** Any free one by default. */
  readonly port?: number
  /** The pause before every answer, ms. */
  readonly delayMs?: number
  /** How long a message stays out of the list after it was taken, ms. */
  readonly listDelayMs?: number
  /** The origin that callbacks are posted to where it is not that of their URL. */
  readonly deliverTo?: string
  readonly statusCallbacks?: CallbackPlan | 'off'
  /** `off`: the account has no Content API, and so no buttons. */
  readonly content?: 'off'
  /** How many of the latest requests `requests` and `mediaRequests` hold at least. */
  readonly keepRequests?: number
  /** The clock of the account, ms since the epoch. */
  readonly now?: () => number
}

/** What a person says or writes; `at` is when, ms since the epoch, now where absent. */
export interface LostMessage {
  readonly from: string
  readonly to: string
  readonly body?: string
  readonly media?: readonly { readonly bytes: Uint8Array; readonly contentType: string }[]
  readonly at?: number
}

/** A running stand-in for Twilio's REST API and media. */
export interface TwilioSimulator {
  /** The origin to configure as `TWILIO_API_URL`. */
  readonly url: string
  readonly messages: readonly SentMessage[]
  readonly attempts: readonly SendAttempt[]
  readonly callbacks: readonly PostedCallback[]
  readonly requests: readonly SeenRequest[]
  readonly mediaRequests: readonly SeenRequest[]
  /** Puts an attachment of an inbound message on the shelf and answers its `MediaUrl`. */
  addMedia(messageSid: string, bytes: Uint8Array, contentType: string, mode?: MediaMode): string
  /** Takes a message of a person whose webhook is lost: it is listed, and nobody is told of it. */
  receive(message: LostMessage): { readonly sid: string; readonly mediaUrls: readonly string[] }
  /** Queues a misbehaviour: `on` is `create` (by default), `content`, `list`, `fetch`, `delete`, `media-list`, `media` or `media-delete`. */
  failNext(fault: Fault): void
  /** Calls the listener for each message taken, before it is answered; the answer waits for it. */
  onMessage(listener: (message: SentMessage) => void | Promise<void>): void
  /** Changes which callbacks follow the messages taken from now on. */
  planCallbacks(plan: CallbackPlan | 'off'): void
  /** Posts one status by hand and answers the HTTP status that it met; rejects for an unknown SID. */
  sendStatus(sid: string, status: string, errorCode?: number): Promise<number>
  /** Says where callbacks are posted from now on. */
  deliverTo(origin: string): void
  /** Settles once every callback begun so far is posted. */
  callbacksPosted(): Promise<void>
  close(): Promise<void>
}

/** Starts the stand-in on 127.0.0.1. It shares no code with the product, so it cannot agree with an error of it. */
export async function startTwilio(options: TwilioOptions): Promise<TwilioSimulator> {
  const [simulator] = await startTwilioAccounts([options], options.port)
  return simulator as TwilioSimulator
}

/** Starts a stand-in with several accounts behind one origin, as Twilio has them: each has its own credentials, messages and media. */
export async function startTwilioAccounts(
  accounts: readonly TwilioOptions[],
  port?: number
): Promise<TwilioSimulator[]> {
  const played = accounts.map(account => playAccount(account, () => server))
  const server: Loopback = await serveLoopback(async (request, response) => {
    const { url = '' } = request
    const asked = played.find(({ owns }) => owns(url)) ?? played[0]
    await asked?.answer(request, response)
  }, port)
  return played.map(({ simulator }) => simulator)
}

function playAccount(options: TwilioOptions, server: () => Loopback) {
  const { accountSid, authToken, apiKey, delayMs = 0, now = Date.now } = options
  const credentials = new Set([basic(accountSid, authToken), ...(apiKey ? [basic(apiKey.sid, apiKey.secret)] : [])])
  const ledger = createMessageLedger({ accountSid, now, listDelayMs: options.listDelayMs ?? 0 })
  const shelf = createMediaShelf(accountSid, () => server().url)
  const plan = options.statusCallbacks ?? {}
  const callbacks = createCallbacks({ accountSid, authToken, deliverTo: options.deliverTo, plan })
  const faults = createFaults('create')
  const content = createContentShelf({ accountSid, credentials, faults, isOff: options.content === 'off' })
  const log = createRequestLog(options.keepRequests ?? 10_000)
  const mediaLog = createRequestLog(options.keepRequests ?? 10_000)
  const listeners: ((message: SentMessage) => void | Promise<void>)[] = []
  const attempts: SendAttempt[] = []
  const api = createTwilioApi({
    ...{ accountSid, credentials, ledger, shelf, content, faults, now },
    attempted: attempt => void attempts.push(attempt),
    async taken(message) {
      for (const listener of listeners) await listener(message)
    },
    answered: callbacks.begin
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = request
    if (url.startsWith('/simulator/')) return answerControl(controls, request, response)
    log.record(request, response)
    if (delayMs > 0) await wait(delayMs)
    if (url.startsWith('/v1/Content')) return content.serve(request, response)
    const signed = url.startsWith('/media/')
    if (signed || url.includes('/Media/')) mediaLog.record(request, response)
    if (!signed) return api(request, response)
    await shelf.serveSigned(url.slice('/media/'.length), request.headers.authorization !== undefined, response)
  }

  const simulator: TwilioSimulator = {
    get url() {
      return server().url
    },
    messages: ledger.messages,
    attempts,
    callbacks: callbacks.posted,
    requests: log.requests,
    mediaRequests: mediaLog.requests,
    addMedia(messageSid, bytes, contentType, mode = { kind: 'redirect' }) {
      const { sid } = shelf.add(messageSid, bytes, contentType, mode)
      return `${server().url}/2010-04-01/Accounts/${accountSid}/Messages/${messageSid}/Media/${sid}`
    },
    receive({ from, to, body = '', media = [], at = now() }) {
      const sid = newSid('SM')
      ledger.receive({ sid, from, to, body, numMedia: media.length, at })
      const mediaUrls = media.map(({ bytes, contentType }) => simulator.addMedia(sid, bytes, contentType))
      return { sid, mediaUrls }
    },
    failNext: faults.add,
    onMessage: listener => void listeners.push(listener),
    planCallbacks: callbacks.plan,
    async sendStatus(sid, status, errorCode) {
      const message = ledger.find(sid)
      if (message === null || !('status' in message)) throw new Error('The stand-in took no message with this SID')
      return callbacks.send(message, status, errorCode)
    },
    deliverTo: callbacks.deliverTo,
    callbacksPosted: callbacks.idle,
    close() {
      callbacks.close()
      return server().close()
    }
  }
  const controls = controlsOf(simulator)
  const owns = (url: string) =>
    url.startsWith(`/2010-04-01/Accounts/${accountSid}/`) || shelf.signed(url.slice('/media/'.length))
  return { simulator, answer, owns }
}

/** `POST /simulator/media?message=SM…` takes the bytes themselves, and a `MediaMode` as JSON in `mode` where one is wanted. */
function controlsOf(simulator: TwilioSimulator): Controls {
  const { messages, attempts, callbacks, mediaRequests } = simulator
  return {
    'GET /simulator/ledger': () => ({ messages, attempts, callbacks, mediaRequests }),
    'POST /simulator/fail': ({ body }) => simulator.failNext(JSON.parse(body.toString())),
    'POST /simulator/callbacks': ({ body }) => simulator.planCallbacks(JSON.parse(body.toString())),
    'POST /simulator/media': ({ query, body, contentType }) => {
      const mode: MediaMode = JSON.parse(query.get('mode') ?? '{"kind":"redirect"}')
      return { url: simulator.addMedia(query.get('message') ?? '', body, contentType, mode) }
    }
  }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
