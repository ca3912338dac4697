import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Fault, type Faults, misbehave, statusOf } from './faults.ts'
import { answerJson, readBody } from './loopback.ts'
import type { ContentShelf, Filled } from './twilio-content.ts'
import { type ApiError, apiError, refusalOf } from './twilio-errors.ts'
import type { MediaShelf } from './twilio-media.ts'
import type { MessageLedger, SendAttempt, SentMessage } from './twilio-messages.ts'

/** What the API of an account stands on. */
export interface TwilioApiParts {
  readonly accountSid: string
  /** The values of `Authorization` that open it. */
  readonly credentials: ReadonlySet<string>
  readonly ledger: MessageLedger
  readonly shelf: MediaShelf
  readonly content: Pick<ContentShelf, 'fill'>
  readonly faults: Faults
  readonly now: () => number
  /** Told of each message taken, before it is answered. */
  taken(message: SentMessage): Promise<void>
  /** Told of each message once its answer has left or failed. */
  answered(message: SentMessage): void
  /** Told of every request to create a message. */
  attempted(attempt: SendAttempt): void
}

/** Answers a request to `/2010-04-01/…` as Twilio's Messages resource does (https://www.twilio.com/docs/messaging/api/message-resource). */
export type TwilioApi = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Makes the API of one account. */
export function createTwilioApi(parts: TwilioApiParts): TwilioApi {
  const { credentials, ledger, shelf, faults } = parts
  const base = `/2010-04-01/Accounts/${parts.accountSid}/Messages`

  return async (request, response) => {
    const { method = '', url = '', headers } = request
    const [path = '', query = ''] = url.split('?')
    if (!credentials.has(headers.authorization ?? '') || !path.startsWith(base)) {
      response.setHeader('WWW-Authenticate', 'Basic realm="Twilio API"')
      return answerJson(response, 401, apiError(401, 20003))
    }
    const [, message = '', mediaList, media] = resourcePath.exec(path.slice(base.length)) ?? []
    if (method === 'POST' && message === '') return create(request, response)
    const fault = faults.take(faultKindOf(method, message, mediaList, media))
    if (fault !== null) return misbehave(response, fault, faultError(fault))
    if (mediaList !== undefined && media === undefined) return answerMediaList(method, message, response)
    if (media !== undefined) return answerMedia(method, message, media, response)
    if (message !== '') return answerMessage(method, message, response)
    if (method !== 'GET') return answerJson(response, 405, apiError(405, 20004))
    answerJson(response, 200, ledger.list(new URLSearchParams(query)))
  }

  async function create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams((await readBody(request)).toString())
    const [from, to] = [form.get('From') ?? '', form.get('To') ?? '']
    const filled = contentOf(form)
    const { body, buttons } = 'buttons' in filled ? filled : { body: '', buttons: [] }
    const attempt = (sid: string | null, answered: number, code: SendAttempt['code']) =>
      parts.attempted({ from, to, body, at: parts.now(), sid, answered, code })
    const fault = faults.take('create')
    if (fault !== null && fault.afterTaking !== true) {
      attempt(null, statusOf(fault), fault.code ?? null)
      return misbehave(response, fault, faultError(fault))
    }
    const refusal = 'buttons' in filled ? refusalOf(form, body) : filled
    if (refusal !== null) {
      attempt(null, refusal.status, refusal.code)
      return answerJson(response, refusal.status, refusal)
    }
    const message = ledger.take({ from, to, body, buttons, statusCallback: form.get('StatusCallback') })
    const resource = ledger.resource(message)
    attempt(message.sid, fault === null ? 201 : statusOf(fault), fault?.code ?? null)
    await parts.taken(message)
    if (fault === null) answerJson(response, 201, resource)
    else misbehave(response, fault, faultError(fault))
    parts.answered(message)
  }

  /** A content template goes before a body. */
  function contentOf(form: URLSearchParams): Filled | ApiError {
    return form.has('ContentSid') ? parts.content.fill(form) : { body: form.get('Body') ?? '', buttons: [] }
  }

  function answerMedia(method: string, message: string, sid: string, response: ServerResponse): void {
    const media = shelf.find(message, sid)
    if (media === null) answerJson(response, 404, apiError(404, 20404))
    else if (method === 'GET') shelf.serve(media, response)
    else {
      shelf.remove(sid)
      response.writeHead(204).end()
    }
  }

  function answerMediaList(method: string, message: string, response: ServerResponse): void {
    if (method !== 'GET') answerJson(response, 405, apiError(405, 20004))
    else if (ledger.find(message) === null && !shelf.holdsAnyOf(message))
      answerJson(response, 404, apiError(404, 20404))
    else answerJson(response, 200, shelf.list(message))
  }

  function answerMessage(method: string, sid: string, response: ServerResponse): void {
    const message = ledger.find(sid)
    if (method === 'GET' && message !== null) answerJson(response, 200, ledger.resource(message))
    else if (method === 'DELETE' && (message !== null || shelf.holdsAnyOf(sid))) {
      shelf.removeOf(sid)
      if (message !== null) message.deleted = true
      response.writeHead(204).end()
    } else answerJson(response, 404, apiError(404, 20404))
  }
}

const resourcePath = /^(?:\/((?:SM|MM)[0-9a-f]{32})(\/Media(?:\/(ME[0-9a-f]{32}))?)?)?(?:\.json)?$/i

const faultKinds: Readonly<Record<string, string>> = { 'GET ': 'list', 'GET :sid': 'fetch', 'DELETE :sid': 'delete' }

function faultKindOf(
  method: string,
  message: string,
  mediaList: string | undefined,
  media: string | undefined
): string {
  if (media !== undefined) return method === 'DELETE' ? 'media-delete' : 'media'
  return mediaList === undefined ? (faultKinds[`${method} ${message && ':sid'}`] ?? '') : 'media-list'
}

function faultError(fault: Fault): object {
  return apiError(fault.status ?? 500, Number(fault.code ?? 20500))
}
