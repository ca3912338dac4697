import type { MessageInstance, MessageListInstance } from 'twilio/lib/rest/api/v2010/account/message.js'
import { Failure } from '../frames/failure.ts'
import { newestOf } from '../frames/kinds.ts'
import { lowestIntegrity } from '../frames/provenance.ts'
import { type Form, type Listing, listedOrigin, type Received, type Wanted } from './channel.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { type ReducedError, reduceError } from './twilio-errors.ts'
import { pagesOf, timeOf } from './twilio-pages.ts'
import { messageId, messageSid, readMessage } from './twilio-receive.ts'

type Of = { readonly messages: MessageListInstance; readonly account: TwilioAccount; readonly apiUrl: string }

/** Of a sender with more messages in the window than fit on these, the newest are seen; once all of those are known, it is a failure. */
const maxPages = 200
/** Attachments cost a call a message: more than this is left for the next listing, which does not see these any more. */
const maxReceived = 100
const day = 86_400_000

/**
 * Lists the messages to our senders in a window (rule R16), and reads each as its webhook would be read. What is taken is the
 * oldest of what is not known, so that a conversation is caught up with in its order. Throws LIST_UNAVAILABLE, reduced.
 */
export async function listReceived(of: Of, wanted: Wanted): Promise<Listing> {
  const rows: MessageInstance[] = []
  let complete = true
  for (const to of of.account.senders) {
    if (!(await listTo(to, of, wanted, rows))) complete = false
  }
  // Listed newest first: turned round, messages of the same second keep their order.
  rows.reverse().sort((a, b) => (timeOf(a) || 0) - (timeOf(b) || 0))
  const received: Received[] = []
  let unreadable = 0
  for (const row of rows) {
    if (received.length === maxReceived) return { received, unreadable, complete: false }
    const read = await readRow(row, of)
    if (read === null) unreadable++
    else received.push(read)
  }
  if (!complete && received.length === 0) throw new Failure('LIST_UNAVAILABLE', { cause: { code: 'TOO_MANY' } })
  return { received, unreadable, complete }
}

/** Adds what is not known of the messages to one sender; false where there were too many to see them all. */
async function listTo(
  to: string,
  { messages, account }: Of,
  { since, until, isKnown }: Wanted,
  rows: MessageInstance[]
): Promise<boolean> {
  // DateSent goes by whole days as documented, so it is asked for whole days, and the rest is done here.
  const dateSentAfter = new Date(Math.floor(since / day) * day)
  const dateSentBefore = new Date((Math.floor(until / day) + 1) * day)
  let pages = 0
  for await (const page of reduced(pagesOf(messages, { to, dateSentAfter, dateSentBefore }))) {
    for (const row of page) {
      const time = timeOf(row)
      // One without a date is let through, to be counted as unreadable.
      if (row.direction !== 'inbound' || time < since || time > until) continue
      if (!(await isKnown(messageId(account, row.sid)))) rows.push(row)
    }
    const oldest = page.at(-1)
    if (oldest !== undefined && timeOf(oldest) < since) return true
    if (++pages === maxPages) return false
  }
  return true
}

/** A row as its webhook would have been read, or null where it makes no sense. */
async function readRow(row: MessageInstance, of: Of): Promise<Received | null> {
  if (Number.isNaN(timeOf(row)) || !messageSid.test(row.sid)) return null
  const media = Number(row.numMedia) > 0 ? await mediaOf(row, of) : {}
  if (media === null) return null
  const { sid, accountSid, from, to, body } = row
  const fields = { MessageSid: sid, AccountSid: accountSid, From: from, To: to, Body: body ?? '', ...media }
  const form: Form = new Map(Object.entries(fields).filter(([, value]) => typeof value === 'string'))
  try {
    const received = withPoorerLabel(readMessage(form, of.account, of.apiUrl))
    return newestOf(received.kind).schema.safeParse(received.data).success ? received : null
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}

/** The parameters that a webhook has for attachments; null where they are gone. */
async function mediaOf(
  row: MessageInstance,
  { messages, account, apiUrl }: Of
): Promise<Record<string, string> | null> {
  try {
    // Not row.media(): the SDK gives a listed message no SID there.
    const { instances } = await messages(row.sid).media.page({ pageSize: 50 })
    if (instances.length === 0) return null
    const path = `${apiUrl}/2010-04-01/Accounts/${account.sid}/Messages/${row.sid}/Media`
    const named = instances.map(({ sid, contentType }, i): [string, string][] => [
      [`MediaUrl${i}`, `${path}/${sid}`],
      [`MediaContentType${i}`, contentType]
    ])
    return { NumMedia: String(instances.length), ...Object.fromEntries(named.flat()) }
  } catch (error) {
    const failure = unavailable(error)
    if ((failure.cause as ReducedError).status === 404) return null
    throw failure
  }
}

/**
 * A listed message is poorer than its webhook: it has no button, no name, and no flag that WhatsApp sets on forwarded messages.
 * So on WhatsApp its words may be anybody's; an SMS has no such flag in a webhook either. It is never evidence for an approval.
 */
function withPoorerLabel(received: Received): Received {
  const { provenance, data } = received
  const integrity = data.from.startsWith('whatsapp:')
    ? lowestIntegrity(provenance.integrity, 'user_forwarded')
    : provenance.integrity
  return { ...received, provenance: { ...provenance, origin: listedOrigin, integrity } }
}

async function* reduced<T>(pages: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* pages
  } catch (error) {
    throw unavailable(error)
  }
}

function unavailable(error: unknown): Failure {
  return new Failure('LIST_UNAVAILABLE', { cause: error instanceof Failure ? error.cause : reduceError(error) })
}
