import { type Agent, globalAgent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { encodeForm, type Params, signTwilio } from './twilio-signer.ts'

/** A webhook ready to be sent: a load generator makes these beforehand, so that signing costs nothing while it measures. */
export interface SignedRequest {
  /** The request-target: path and query of the signed URL. */
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly body: string
}

/** What a server answered to a webhook. */
export interface WebhookAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What to sign: the URL as Twilio was told it (a fragment is never sent and so not signed), and what is posted. */
export interface WebhookDraft {
  readonly url: string
  readonly params: Params
  readonly authToken: string
  /** Over the headers that Twilio sends; `undefined` takes one away. */
  readonly headers?: OutgoingHttpHeaders
}

/** Signs a webhook without sending it. */
export function signedRequest({ url, params, authToken, headers = {} }: WebhookDraft): SignedRequest {
  const target = new URL(url)
  const body = encodeForm(params)
  const all: OutgoingHttpHeaders = {
    Host: target.host,
    'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8',
    'Content-Length': Buffer.byteLength(body),
    'User-Agent': 'TwilioProxy/1.1',
    Accept: '*/*',
    'X-Home-Region': 'us1',
    'X-Twilio-Signature': signTwilio(authToken, url.split('#', 1).join(''), params),
    ...headers
  }
  const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  return { path: target.pathname + target.search, headers: sent, body }
}

/** Sends a signed webhook to an http origin over a kept-alive connection of `agent`. Rejects where no answer comes. */
export function sendSigned(
  origin: string,
  { path, headers, body }: SignedRequest,
  agent: Agent = globalAgent
): Promise<WebhookAnswer> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, method: 'POST', headers, agent }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
      })
    })
    outgoing.setTimeout(twilioTimeoutMs, () => outgoing.destroy(new Error('no answer within 15 s')))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Signs with the public URL and sends to `deliverTo`: behind a proxy these are two different origins. */
export function postSigned(
  draft: WebhookDraft & { readonly deliverTo?: string | undefined; readonly agent?: Agent | undefined }
): Promise<WebhookAnswer> {
  return sendSigned(draft.deliverTo ?? new URL(draft.url).origin, signedRequest(draft), draft.agent)
}

// https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides: the whole of a webhook may take this long.
const twilioTimeoutMs = 15_000
