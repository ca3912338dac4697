import { Failure } from '../frames/failure.ts'
import type { DataOf, Message } from '../frames/kinds.ts'
import type { Provenance } from '../frames/provenance.ts'
import type { Form, Received } from './channel.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { readAttachments } from './twilio-attachments.ts'

/** A message SID as Twilio makes them. */
export const messageSid = /^(?:SM|MM)[0-9a-fA-F]{32}$/

/** Who can write: a phone, a WhatsApp user without a visible phone (BSUID), a short code, a name. Only the first two are people. */
const sender =
  /^(?:(?:whatsapp:)?\+[1-9]\d{6,14}|whatsapp:[A-Z]{2}\.(?:[A-Z]{1,20}\.)?[A-Za-z0-9]{1,128}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9 _&+-]{0,10})$/

type Command = Pick<DataOf<'command.received'>, 'command' | 'answered'>

/**
 * Reads an inbound message (webhook-request guide) of a form whose signature was checked. Throws ACCOUNT_UNKNOWN,
 * SENDER_UNKNOWN and FORM_INCOMPLETE; values longer than their frame are cut.
 */
export function readMessage(form: Form, account: TwilioAccount, apiUrl: string): Received {
  const data = readData(form, account, apiUrl)
  const id = messageId(account, data.message)
  const command = readCommand(form, data)
  if (command !== null) {
    return { id, kind: 'command.received', data: { ...data, ...command }, provenance: label(data, 'user_typed') }
  }
  if (data.media.some(({ audio }) => audio)) {
    return { id, kind: 'voice.received', data, provenance: label(data, 'user_voice') }
  }
  return { id, kind: 'text.received', data, provenance: label(data, 'user_typed') }
}

/** The id under which a message is kept: the same however it came. */
export function messageId(account: TwilioAccount, message: string): string {
  return `messaging:${account.sid}:${message}`
}

/** The value of a mandatory parameter; FORM_INCOMPLETE where it is missing or not well-formed. */
export function mandatory(form: Form, key: string, pattern: RegExp): string {
  const value = form.get(key)
  if (value === undefined || !pattern.test(value)) throw new Failure('FORM_INCOMPLETE')
  return value
}

/** Throws ACCOUNT_UNKNOWN where a form speaks for another account. */
export function checkAccount(form: Form, account: TwilioAccount): void {
  if (mandatory(form, 'AccountSid', /./) !== account.sid) throw new Failure('ACCOUNT_UNKNOWN')
}

function readData(form: Form, account: TwilioAccount, apiUrl: string): Message {
  checkAccount(form, account)
  const to = mandatory(form, 'To', /./)
  if (!account.senders.includes(to)) throw new Failure('SENDER_UNKNOWN')
  const message = mandatory(form, 'MessageSid', messageSid)
  const from = mandatory(form, 'From', sender)
  return {
    channel: 'messaging',
    account: account.sid,
    message,
    from,
    to,
    text: mandatory(form, 'Body', /^/),
    media: readAttachments(form, { account: account.sid, message, apiUrl }),
    forwarded: form.get('Forwarded') === 'true' || form.get('FrequentlyForwarded') === 'true',
    ...readExternalUser(form, from),
    ...readButton(form),
    ...readLocation(form),
    ...optional('profile', form.get('ProfileName'), 512),
    ...optional('repliedTo', form.get('OriginalRepliedMessageSid'), 200)
  }
}

/** What WhatsApp's users write to be left alone; "cancel", "end" and "quit" are words to an agent. */
const commands: ReadonlyMap<string, Command['command']> = new Map([
  ['STOP', 'stop'],
  ['STOPALL', 'stop'],
  ['UNSUBSCRIBE', 'stop'],
  ['START', 'start'],
  ['UNSTOP', 'start'],
  ['HELP', 'help'],
  ['INFO', 'help']
])

function readCommand(form: Form, { text, from }: Message): Command | null {
  const optOut = commands.get(form.get('OptOutType') ?? '')
  if (optOut !== undefined) return { command: optOut, answered: true }
  const command = commands.get(text.trim().toUpperCase())
  if (command === undefined) return null
  // Twilio itself confirms a STOP by SMS, and refuses what is sent after it; on WhatsApp nobody else does.
  return { command, answered: command === 'stop' && !from.startsWith('whatsapp:') }
}

function label(message: Message, integrity: 'user_typed' | 'user_voice'): Provenance {
  return {
    origin: 'twilio-messaging',
    integrity: hasWordsOfOthers(message) ? 'user_forwarded' : integrity,
    confidentiality: 'user',
    ref: message.message
  }
}

/** The words on a button, on a place and on a file (on WhatsApp its name or its caption) may be those of anybody; a voice note has none. */
function hasWordsOfOthers({ forwarded, button, location, media, text, from }: Message): boolean {
  const isCaption = from.startsWith('whatsapp:') && media.some(({ audio }) => !audio) && text.trim() !== ''
  return forwarded || button !== undefined || location?.label !== undefined || isCaption
}

function readExternalUser(form: Form, from: string): Pick<Message, 'externalUser'> {
  const user = form.get('ExternalUserId')
  return user === from ? {} : optional('externalUser', user, 200)
}

function readButton(form: Form): Pick<Message, 'button'> {
  const text = form.get('ButtonText')
  const payload = form.get('ButtonPayload')
  if (text === undefined && payload === undefined) return {}
  return { button: { text: cut(text ?? '', 512), payload: cut(payload ?? '', 512) } }
}

function readLocation(form: Form): Pick<Message, 'location'> {
  const latitude = form.get('Latitude')
  const longitude = form.get('Longitude')
  if (!latitude || !longitude) return {}
  const label = optional('label', form.get('Label') || form.get('Address'), 512)
  return { location: { latitude: cut(latitude, 64), longitude: cut(longitude, 64), ...label } }
}

function optional<K extends string>(key: K, value: string | undefined, max: number): { [P in K]?: string } {
  return value ? ({ [key]: cut(value, max) } as { [P in K]: string }) : {}
}

function cut(value: string, max: number): string {
  return value.slice(0, max).toWellFormed()
}
