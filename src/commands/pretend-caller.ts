import type { Config } from '../config.ts'
import { type Caller, type CallerOptions, createCaller } from '../simulator/caller.ts'

/** Who is played, where the message is posted, and where voice notes are put. */
export interface PretendOptions {
  readonly from: string | undefined
  readonly deliverTo: string
  readonly addMedia?: CallerOptions['addMedia']
}

/** Plays a person and the side of Twilio that calls, with the secrets of the configuration. Throws an Error that says what to do. */
export function pretendCaller(config: Config, options: PretendOptions): { caller: Caller; from: string } {
  const { sid, authTokens, senders } = config.account
  const from = options.from ?? usualPerson(config)
  if (!addresses.test(from)) throw new Error('--from takes an address such as whatsapp:+15551234567 or +15551234567.')
  const onWhatsApp = from.startsWith('whatsapp:')
  const to = senders.find(sender => sender.startsWith('whatsapp:') === onWhatsApp)
  if (to === undefined) {
    const missing = onWhatsApp ? 'whatsapp:+…' : '+…'
    const account = sid === config.accounts[0]?.sid ? 'TWILIO_SENDERS' : 'The account'
    throw new Error(`${account} has no ${missing} address that this person could write to: name another --from.`)
  }
  const [authToken = ''] = authTokens
  const { addMedia, deliverTo } = options
  const settings = { accountSid: sid, authToken, publicUrl: config.publicUrl, deliverTo, from, to }
  return { caller: createCaller({ ...settings, ...(addMedia && { addMedia }) }), from }
}

/** Somebody who may talk to the agent: where everybody may, somebody who does not exist, unless a real Twilio would answer them. */
function usualPerson({ account, twilioApiUrl }: Config): string {
  if (account.allowed !== '*') {
    const [first] = account.allowed
    if (first !== undefined) return first
  }
  if (twilioApiUrl !== 'https://api.twilio.com') return 'whatsapp:+15551234567'
  throw new Error('Say with --from who writes: the real Twilio sends the answer to that number.')
}

const addresses = /^(whatsapp:)?\+[1-9]\d{6,14}$|^whatsapp:[A-Z]{2}\.[\w.]{1,140}$/
