import { inboundParams } from '../../src/simulator/inbound-params.ts'
import { type SignedRequest, signedRequest } from '../../src/simulator/signed-post.ts'
import { newSid } from '../../src/simulator/twilio-messages.ts'
import { accountSid, authToken, ours } from '../stage.ts'

/** A voice note that waits to be fetched. */
export interface Note {
  readonly messageSid: string
  readonly from: string
  readonly mediaUrl: string
}

const ownAccount = { accountSid, authToken, sender: ours }

/** A second account at the same Twilio, and its number. */
export const otherAccount: typeof ownAccount = {
  accountSid: `AC${'b7'.repeat(16)}`,
  authToken: 'other-token-0123456789abcdef01234',
  sender: 'whatsapp:+14155550002'
}

/** The path that webhooks of messages are posted to, on both servers. */
export const messagesPath = '/webhooks/twilio/messages'

/** The address of the n-th of many people. */
export function personOf(n: number): string {
  return `whatsapp:+1555${String(n).padStart(7, '0')}`
}

/** The webhook of a text message that nobody sent before, signed for the server at `url`. */
export function signedText(url: string, from: string, body: string, account = ownAccount): SignedRequest {
  return signed(url, { messageSid: newSid('SM'), from, body, media: [] }, account)
}

/** The webhook of a voice note, signed for the server at `url`. */
export function signedNote(url: string, { messageSid, from, mediaUrl }: Note): SignedRequest {
  return signed(url, { messageSid, from, body: '', media: [{ url: mediaUrl, contentType: 'audio/ogg' }] })
}

function signed(
  url: string,
  message: Pick<Parameters<typeof inboundParams>[0], 'messageSid' | 'from' | 'body' | 'media'>,
  account = ownAccount
) {
  const { accountSid, authToken, sender: to } = account
  const params = inboundParams({ accountSid, to, profileName: 'Asha', ...message })
  return signedRequest({ url: url + messagesPath, params, authToken })
}
