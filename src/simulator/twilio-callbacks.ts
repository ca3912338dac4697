import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { postSigned } from './signed-post.ts'
import { newSid, type SentMessage } from './twilio-messages.ts'

/** What Twilio reports about each message it took. */
export interface CallbackPlan {
  /** In their true order; by default sent, delivered and, on WhatsApp, read. */
  readonly statuses?: readonly string[]
  /** How they arrive; `shuffled` is the worst case, newest first. */
  readonly order?: 'in order' | 'shuffled' | 'duplicated'
  /** The pause before each, ms. */
  readonly everyMs?: number
  /** Sent with `failed` and `undelivered`. */
  readonly errorCode?: number
}

/** A callback that was posted; `answered` is the HTTP status, 0 where nobody answered. */
export interface PostedCallback {
  readonly sid: string
  readonly status: string
  readonly answered: number
}

/** The sender of status callbacks. */
export interface Callbacks {
  readonly posted: readonly PostedCallback[]
  /** Changes what is reported about messages taken from now on. */
  plan(plan: CallbackPlan | 'off'): void
  /** Says where callbacks are posted from now on, whatever origin their URL names. */
  deliverTo(origin: string): void
  /** Begins to report about a message, in the background. */
  begin(message: SentMessage): void
  /** Posts one status by hand and answers the HTTP status; 0 where nobody answered or no callback was asked for. */
  send(message: SentMessage, status: string, errorCode?: number): Promise<number>
  /** Settles once everything begun so far is posted. */
  idle(): Promise<void>
  close(): void
}

/** Posts signed callbacks; `deliverTo` is the origin that listens where it is not that of the public URL. */
export function createCallbacks(options: {
  accountSid: string
  authToken: string
  deliverTo: string | undefined
  plan: CallbackPlan | 'off'
}): Callbacks {
  const { accountSid, authToken } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const closing = new AbortController()
  const posted: PostedCallback[] = []
  const running = new Set<Promise<void>>()
  let { plan, deliverTo } = options

  async function send(message: SentMessage, status: string, errorCode?: number): Promise<number> {
    if (message.statusCallback === null) return 0
    const params = callbackParams(accountSid, message, status, errorCode)
    const headers = { 'I-Twilio-Idempotency-Token': newSid('') }
    const answered = await postSigned({ url: message.statusCallback, params, authToken, headers, deliverTo, agent })
      .then(answer => answer.status)
      .catch(() => 0)
    posted.push({ sid: message.sid, status, answered })
    return answered
  }

  async function report(message: SentMessage, { everyMs = 0, errorCode, ...rest }: CallbackPlan): Promise<void> {
    const statuses = rest.statuses ?? defaultStatuses(message)
    let reached = -1
    for (const status of arrivalOrder(statuses, rest.order ?? 'in order')) {
      if (closing.signal.aborted) return
      if (everyMs > 0) await wait(everyMs, undefined, { signal: closing.signal })
      const failed = status === 'failed' || status === 'undelivered'
      const code = failed ? errorCode : undefined
      if (statuses.indexOf(status) > reached) {
        reached = statuses.indexOf(status)
        message.status = status
        message.errorCode = code ?? null
      }
      await send(message, status, code)
    }
  }

  return {
    posted,
    plan: next => {
      plan = next
    },
    deliverTo: origin => {
      deliverTo = origin
    },
    begin(message) {
      if (plan === 'off' || message.statusCallback === null) {
        message.status = 'sent'
        return
      }
      const reporting = report(message, plan)
        .catch(() => {})
        .finally(() => running.delete(reporting))
      running.add(reporting)
    },
    send(message, status, errorCode) {
      message.status = status
      message.errorCode = errorCode ?? null
      return send(message, status, errorCode)
    },
    async idle() {
      while (running.size > 0) await Promise.all(running)
    },
    close() {
      closing.abort()
      agent.destroy()
    }
  }
}

function defaultStatuses(message: SentMessage): readonly string[] {
  return message.to.startsWith('whatsapp:') ? ['sent', 'delivered', 'read'] : ['sent', 'delivered']
}

function arrivalOrder(statuses: readonly string[], order: NonNullable<CallbackPlan['order']>): readonly string[] {
  if (order === 'shuffled') return statuses.toReversed()
  return order === 'duplicated' ? statuses.flatMap(status => [status, status]) : statuses
}

function callbackParams(accountSid: string, message: SentMessage, status: string, errorCode?: number) {
  const { sid, from, to } = message
  const whatsapp = to.startsWith('whatsapp:')
  return {
    ...(whatsapp && { ChannelPrefix: 'whatsapp', ChannelInstallSid: channelInstallSid, ChannelToAddress: to.slice(9) }),
    ...(whatsapp && (status === 'delivered' || status === 'read') && { EventType: status.toUpperCase() }),
    ...(errorCode !== undefined && { ErrorCode: String(errorCode), ErrorMessage: 'Made to fail by the stand-in' }),
    ApiVersion: '2010-04-01',
    MessageStatus: status,
    SmsSid: sid,
    SmsStatus: status,
    To: to,
    From: from,
    MessageSid: sid,
    AccountSid: accountSid
  }
}

const channelInstallSid = 'XE00000000000000000000000000000001'
