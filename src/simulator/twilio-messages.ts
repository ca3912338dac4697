import { randomUUID } from 'node:crypto'

/** A quick-reply button as a person sees it, and what comes back when it is tapped. */
export interface Button {
  readonly title: string
  readonly id: string
}

/** A message that the stand-in took. `status` and `errorCode` follow its callbacks; `at` is ms since the epoch. */
export interface SentMessage {
  readonly sid: string
  readonly from: string
  readonly to: string
  readonly body: string
  readonly statusCallback: string | null
  /** What can be tapped under it; only a message made of a content template has any. */
  readonly buttons: readonly Button[]
  readonly at: number
  status: string
  errorCode: number | null
  deleted: boolean
}

/** A message of a person, as Twilio keeps it; `at` is ms since the epoch. */
export interface ReceivedMessage {
  readonly sid: string
  readonly from: string
  readonly to: string
  readonly body: string
  readonly numMedia: number
  readonly at: number
  deleted: boolean
}

/** A request to create a message, taken (`sid`) or not; `answered` is the HTTP status, 0 where none was sent. */
export interface SendAttempt {
  readonly from: string
  readonly to: string
  readonly body: string
  readonly at: number
  readonly sid: string | null
  readonly answered: number
  readonly code: number | string | null
}

/** What is asked for when a message is created. */
export type MessageDraft = Pick<SentMessage, 'from' | 'to' | 'body' | 'statusCallback' | 'buttons'>

/** The messages of one account, as Twilio keeps and lists them. */
export interface MessageLedger {
  /** What was sent; a person's messages are only listed. */
  readonly messages: readonly SentMessage[]
  take(draft: MessageDraft): SentMessage
  /** Keeps a message of a person. */
  receive(message: Omit<ReceivedMessage, 'deleted'>): void
  find(sid: string): Message | null
  /** One page of the list of both, newest first, filtered by To, From and DateSent (`=`, `>`, `<`, both ends included). */
  list(query: URLSearchParams): object
  /** A message as the API shows it. */
  resource(message: Message): object
}

type Message = SentMessage | ReceivedMessage

/** Keeps messages in memory. What we sent can be listed once it is `listDelayMs` old: the real list lags behind as well. */
export function createMessageLedger(options: {
  accountSid: string
  now: () => number
  listDelayMs: number
}): MessageLedger {
  const { accountSid, now, listDelayMs } = options
  const messages: SentMessage[] = []
  const kept: Message[] = []
  const positions = new Map<string, number>()
  const base = `/2010-04-01/Accounts/${accountSid}/Messages`

  /** A person's message can be older than what is there already. */
  function keep(message: Message): void {
    let index = kept.length
    while (index > 0 && (kept[index - 1] as Message).at > message.at) index--
    kept.splice(index, 0, message)
    for (; index < kept.length; index++) positions.set((kept[index] as Message).sid, index)
  }

  function list(query: URLSearchParams): object {
    const size = Math.min(Math.max(Number(query.get('PageSize')) || 50, 1), 1000)
    const wanted = filter(query)
    const newest = now() - listDelayMs
    const page: Message[] = []
    // A page starts below the last message of the one before it, so that new messages do not shift it.
    let index = (positions.get(query.get('PageToken')?.slice('PA'.length) ?? '') ?? kept.length) - 1
    let more = false
    for (; index >= 0 && !more; index--) {
      const message = kept[index] as Message
      if (message.at < wanted.since) break
      // What a person sent is listed at once: its time may be one that a server with a clock ahead has reached.
      const isLate = 'status' in message && message.at > newest
      if (message.deleted || isLate || !wanted.matches(message)) continue
      if (page.length === size) more = true
      else page.push(message)
    }
    return pageOf(page, size, more ? (page.at(-1)?.sid ?? null) : null, query)
  }

  function pageOf(page: Message[], size: number, last: string | null, query: URLSearchParams): object {
    const number = Number(query.get('Page')) || 0
    return {
      first_page_uri: pageUri(query, size, 0, null),
      end: number * size + Math.max(page.length - 1, 0),
      previous_page_uri: null,
      messages: page.map(resource),
      uri: pageUri(query, size, number, query.get('PageToken')),
      page_size: size,
      start: number * size,
      next_page_uri: last === null ? null : pageUri(query, size, number + 1, `PA${last}`),
      page: number
    }
  }

  function pageUri(query: URLSearchParams, size: number, page: number, token: string | null): string {
    const next = new URLSearchParams(query)
    next.set('PageSize', String(size))
    next.set('Page', String(page))
    if (token === null) next.delete('PageToken')
    else next.set('PageToken', token)
    return `${base}.json?${next}`
  }

  function resource(message: Message): object {
    const { sid, from, to, body } = message
    const inbound = 'numMedia' in message
    const { status, errorCode } = inbound ? { status: 'received', errorCode: null } : message
    const date = rfc2822(message.at)
    const uri = `${base}/${sid}`
    return {
      body,
      num_segments: String(Math.max(1, Math.ceil(body.length / 153))),
      direction: inbound ? 'inbound' : 'outbound-api',
      from,
      date_updated: date,
      price: null,
      error_message: null,
      uri: `${uri}.json`,
      account_sid: accountSid,
      num_media: inbound ? String(message.numMedia) : '0',
      to,
      date_created: date,
      status,
      sid,
      date_sent: status === 'queued' ? null : date,
      messaging_service_sid: null,
      error_code: errorCode,
      price_unit: 'USD',
      api_version: '2010-04-01',
      subresource_uris: { media: `${uri}/Media.json` }
    }
  }

  return {
    messages,
    take(draft) {
      const message = { sid: newSid('SM'), ...draft, at: now(), status: 'queued', errorCode: null, deleted: false }
      messages.push(message)
      keep(message)
      return message
    },
    receive: message => keep({ ...message, deleted: false }),
    find(sid) {
      const message = kept[positions.get(sid) ?? -1]
      return message === undefined || message.deleted ? null : message
    },
    list,
    resource
  }
}

/** A new identifier in Twilio's form: two letters and 32 hexadecimal digits. */
export function newSid(prefix: string): string {
  return prefix + randomUUID().replaceAll('-', '')
}

function filter(query: URLSearchParams): { since: number; matches: (message: Message) => boolean } {
  const [to, from, on] = [query.get('To'), query.get('From'), query.get('DateSent')]
  const [after, before] = [query.get('DateSent>'), query.get('DateSent<')]
  const since = after === null ? 0 : Date.parse(after)
  const until = before === null ? Number.POSITIVE_INFINITY : Date.parse(before)
  const dated = on !== null || after !== null || before !== null
  return {
    since,
    matches: message =>
      // A message that still waits has no date of sending, so no filter by it finds the message.
      !(dated && 'status' in message && message.status === 'queued') &&
      (to === null || message.to === to) &&
      (from === null || message.from === from) &&
      // The API keeps whole seconds, so a message of 12:00:00.400 is one "until 12:00:00".
      Math.floor(message.at / 1000) * 1000 <= until &&
      (on === null || new Date(message.at).toISOString().startsWith(on.slice(0, 'YYYY-MM-DD'.length)))
  }
}

function rfc2822(at: number): string {
  return new Date(at).toUTCString().replace('GMT', '+0000')
}
