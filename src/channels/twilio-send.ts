import type { MessageInstance, MessageListInstance } from 'twilio/lib/rest/api/v2010/account/message.js'
import { Failure } from '../frames/failure.ts'
import type { Outgoing } from './channel.ts'
import { sendableText } from './sendable-text.ts'
import { reduceError, unknownSend } from './twilio-errors.ts'
import { pagesOf, timeOf } from './twilio-pages.ts'
import { messageSid } from './twilio-receive.ts'

const maxPages = 5

/** Creates a message and answers its SID. An answer that holds none may still have been a success: it throws SEND_UNAVAILABLE. */
export async function createMessage(
  messages: MessageListInstance,
  outgoing: Pick<Outgoing, 'from' | 'to' | 'text' | 'buttons'>,
  statusCallback: string
): Promise<string> {
  const { from, to } = outgoing
  const { sid } = await messages
    .create({ from, to, ...contentOf(outgoing), statusCallback })
    .catch((error: unknown) => {
      throw asFailure(error)
    })
  if (!messageSid.test(sid)) throw unknownSend({ status: null, code: 'GARBLED' })
  return sid
}

/** A text, or the template with the buttons and what it is filled with (docs/content/send-templates-created-with-the-content-template-builder). */
function contentOf({ text, buttons }: Pick<Outgoing, 'text' | 'buttons'>) {
  const body = sendableText(text)
  if (buttons === undefined) return { body }
  const { template, approve, refuse } = buttons
  return { contentSid: template, contentVariables: JSON.stringify({ 1: body, 2: approve, 3: refuse }) }
}

/**
 * The SIDs of messages that equal `sent` and are not older than `since` (ms), newest first. Twilio is not asked by DateSent: a
 * message still queued has none, and overlooking it would send it twice. Whatever goes wrong throws SEND_UNAVAILABLE, never
 * `refused`: it says nothing about the send that is looked for.
 */
export async function listMessages(
  messages: MessageListInstance,
  sent: Pick<Outgoing, 'from' | 'to' | 'text'>,
  since: number
): Promise<string[]> {
  const body = sendableText(sent.text)
  // Twilio's times are whole seconds.
  const from = Math.floor(since / 1_000) * 1_000
  const listed = await readPages(messages, sent, from).catch((error: unknown) => {
    const { cause, retryAfterMs } = asFailure(error)
    throw new Failure('SEND_UNAVAILABLE', { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  })
  return listed
    .filter(message => message.from === sent.from && message.to === sent.to && message.body === body)
    .filter(message => message.direction !== 'inbound' && newestTimeOf(message) >= from)
    .sort((a, b) => newestTimeOf(b) - newestTimeOf(a))
    .map(({ sid }) => sid)
}

async function readPages(
  messages: MessageListInstance,
  { from, to }: Pick<Outgoing, 'from' | 'to'>,
  since: number
): Promise<MessageInstance[]> {
  const found: MessageInstance[] = []
  let pages = 0
  for await (const page of pagesOf(messages, { from, to })) {
    found.push(...page)
    const oldest = page.at(-1)
    if (++pages === maxPages || oldest === undefined || newestTimeOf(oldest) < since) break
  }
  return found
}

/** A message without a readable date counts as new, because overlooking it would send it twice. */
function newestTimeOf(message: MessageInstance): number {
  const time = timeOf(message)
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time
}

function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : unknownSend(reduceError(error))
}
