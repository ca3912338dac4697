import { Failure } from '../frames/failure.ts'
import type { Form, SendStatus } from './channel.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { checkAccount, mandatory, messageSid } from './twilio-receive.ts'

type Step = Pick<SendStatus, 'rank' | 'kind'>

/** The life of a sent message in its order; callbacks may arrive in any, so a lower rank never undoes a higher one. */
const steps: ReadonlyMap<string, Step> = new Map<string, Step>([
  ['accepted', { rank: 1, kind: null }],
  ['scheduled', { rank: 1, kind: null }],
  ['queued', { rank: 2, kind: null }],
  ['sending', { rank: 3, kind: null }],
  ['sent', { rank: 4, kind: null }],
  ['delivered', { rank: 5, kind: 'reply.delivered' }],
  ['partially_delivered', { rank: 5, kind: 'reply.delivered' }],
  ['read', { rank: 6, kind: 'reply.read' }],
  ['failed', { rank: 7, kind: 'reply.failed' }],
  ['undelivered', { rank: 7, kind: 'reply.failed' }],
  ['canceled', { rank: 7, kind: 'reply.failed' }]
])
/** Error 21610: the recipient has replied STOP. */
const stopped = 21610
const unknownStep: Step = { rank: 0, kind: null }

/**
 * Reads a status callback (outbound-message-logging guide). A status this build has never heard of is nothing to keep.
 * Throws ACCOUNT_UNKNOWN and FORM_INCOMPLETE.
 */
export function readStatus(form: Form, account: TwilioAccount): SendStatus {
  checkAccount(form, account)
  const message = mandatory(form, 'MessageSid', messageSid)
  const status = form.get('MessageStatus') ?? form.get('SmsStatus')
  if (!status) throw new Failure('FORM_INCOMPLETE')
  const code = readCode(form.get('ErrorCode'))
  return {
    message,
    status,
    ...(steps.get(status) ?? unknownStep),
    code,
    optedOut: code === stopped
  }
}

function readCode(code = ''): number | null {
  return /^\d{1,9}$/.test(code) ? Number(code) : null
}
