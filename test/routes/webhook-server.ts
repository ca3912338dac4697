import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import Fastify from 'fastify'
import type { Test } from 'tap'
import { earlyReplies, errorReplies, webhookReplies } from '../../plugins/error-replies.ts'
import { formBody } from '../../plugins/form-body.ts'
import { rateLimit } from '../../plugins/rate-limit.ts'
import { type System, system } from '../../plugins/system.ts'
import { twilioSignature } from '../../plugins/twilio-signature.ts'
import { unpaddedSignature } from '../../plugins/unpadded-signature.ts'
import { messages } from '../../routes/webhooks/twilio/messages.ts'
import { status } from '../../routes/webhooks/twilio/status.ts'
import type { Channel, Received, SendStatus } from '../../src/channels/channel.ts'
import type { TwilioAccount } from '../../src/channels/twilio-account.ts'
import { readMessage } from '../../src/channels/twilio-receive.ts'
import { readStatus } from '../../src/channels/twilio-status.ts'
import type { Inbox } from '../../src/inbox/inbox.ts'
import { sign } from '../channels/sign.ts'

export const sid = `AC${'c3'.repeat(16)}`
export const token = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'
export const publicUrl = 'https://voice.example.com'
export const messagesPath = '/webhooks/twilio/messages'
export const statusPath = '/webhooks/twilio/status'

/** The account that the webhooks of a test are for. */
export const account: TwilioAccount = {
  sid,
  authTokens: [token],
  sharedKeys: new Map(),
  rest: { user: sid, password: token },
  senders: ['whatsapp:+14155238886', '+14155238886'],
  allowed: '*',
  deletesMedia: false
}

/** A complete inbound message, to be changed at will. */
export const message: Record<string, string> = {
  MessageSid: `SM${'a1'.repeat(16)}`,
  AccountSid: sid,
  From: 'whatsapp:+14155550100',
  To: 'whatsapp:+14155238886',
  Body: 'tea at four',
  NumMedia: '0'
}

/** The real boundary before an inbox that only remembers. */
export async function openWebhooks(
  t: Test,
  options: Partial<Omit<System, 'config'>> & { config?: Partial<System['config']> } = {}
) {
  const kept: Received[] = []
  const limited: boolean[] = []
  const noted: { status: SendStatus; send: string | null }[] = []
  const events: [string, object][] = []
  const time = { now: 0 }
  const inbox: Inbox = {
    accept: async (_tenant, received, isLimited) => {
      limited.push((await isLimited?.('pseudonym')) ?? false)
      const known = kept.some(each => each.id === received.id)
      if (!known) kept.push(received)
      return known ? 'duplicate' : 'accepted'
    },
    noteStatus: async (_tenant, status, send) => {
      noted.push({ status, send })
      return 'unmatched'
    }
  }
  const { config, accounts = new Map([[sid, account]]), ...rest } = options
  const app = Fastify({ ...earlyReplies, requestTimeout: 5_000 })
  await app.register(system, {
    system: {
      config: { publicUrl, rateLimitPerIp: 600, budgetsOf: () => ({ messagesPerMinute: 20 }), ...config },
      accounts,
      channelOf: named => channelFor(accounts.get(named) ?? account),
      inbox,
      store: { take: async () => ({ count: 1, resetMs: 60_000 }) },
      clock: { now: () => time.now, monotonic: () => time.now },
      observe: (event, fields) => events.push([event, fields]),
      ...rest
    }
  })
  await app.register(rateLimit)
  await app.register(errorReplies)
  await app.register(unpaddedSignature)
  await app.register(
    async webhooks => {
      for (const plugin of [webhookReplies, formBody, twilioSignature, messages, status])
        await webhooks.register(plugin)
    },
    { prefix: '/webhooks/twilio' }
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { app, kept, limited, noted, events, time, send: (bytes: string | Buffer) => exchange(port, bytes) }
}

export type Webhooks = Awaited<ReturnType<typeof openWebhooks>>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** Writes bytes to the server as they are and reads its answer to the end of the connection. */
async function exchange(port: number, bytes: string | Buffer): Promise<Answer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks: Buffer[] = []
  // A server that refuses early may reset the connection while the rest is on its way: what it said counts.
  socket.on('error', () => undefined)
  socket.on('data', chunk => chunks.push(chunk))
  socket.on('end', () => socket.end())
  socket.write(bytes)
  await once(socket, 'close').catch(() => undefined)
  const text = Buffer.concat(chunks)
    .toString('latin1')
    .replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Headers(
    lines.map((line): [string, string] => [line.replace(/:.*/s, ''), line.replace(/^[^:]*:/, '')])
  )
  return { status: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') }
}

export interface Parts {
  readonly method?: string
  readonly target?: string
  readonly headers?: Record<string, string | readonly string[] | null>
  readonly body?: Buffer | string
}

/** The bytes of an HTTP/1.1 request; a header that is null is left out, a list is sent as several lines. */
export function requestBytes({ method = 'POST', target = messagesPath, headers = {}, body = '' }: Parts): Buffer {
  const all = {
    Host: 'voice.example.com',
    Connection: 'close',
    'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers
  }
  const lines = Object.entries(all).flatMap(([name, value]) => [value ?? []].flat().map(each => `${name}: ${each}\r\n`))
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`), Buffer.from(body)])
}

/** A signed request for a form. */
export function signedParts(
  form: Record<string, string> = message,
  target = messagesPath
): Required<Pick<Parts, 'target' | 'headers' | 'body'>> {
  const signature = sign(publicUrl + target, Object.entries(form), token)
  return { target, headers: { 'X-Twilio-Signature': signature }, body: new URLSearchParams(form).toString() }
}

function channelFor(account: TwilioAccount): Channel {
  const notAsked = () => {
    throw new Error('no webhook asks for this')
  }
  return {
    receive: form => readMessage(form, account, 'https://api.twilio.com'),
    status: form => readStatus(form, account),
    fetchAudio: notAsked,
    deleteAudio: notAsked,
    split: notAsked,
    send: notAsked,
    canTap: notAsked,
    createButtons: notAsked,
    listSent: notAsked,
    listReceived: notAsked,
    sendTimeoutMs: 0,
    windowMs: notAsked
  }
}
