import type { Params } from './twilio-signer.ts'

/** An inbound message before Twilio wrote it down as a form. Addresses that begin with `whatsapp:` are WhatsApp's. */
export interface InboundMessage {
  readonly messageSid: string
  readonly accountSid: string
  readonly from: string
  readonly to: string
  readonly body: string
  readonly profileName: string
  readonly media: readonly { readonly url: string; readonly contentType: string }[]
}

/** The form of a WhatsApp message or an SMS, with the parameters that real ones have (https://www.twilio.com/docs/messaging/guides/webhook-request). */
export function inboundParams(message: InboundMessage): Params {
  const { messageSid, accountSid, from, to, body, media } = message
  return {
    SmsMessageSid: messageSid,
    NumMedia: String(media.length),
    ...(from.startsWith('whatsapp:') ? whatsappParams(message) : geography),
    SmsSid: messageSid,
    SmsStatus: 'received',
    Body: body,
    To: to,
    NumSegments: '1',
    MessageSid: messageSid,
    AccountSid: accountSid,
    From: from,
    ...Object.fromEntries(media.flatMap(({ url }, index) => [[`MediaUrl${index}`, url]])),
    ...Object.fromEntries(media.map(({ contentType }, index) => [`MediaContentType${index}`, contentType])),
    ApiVersion: '2010-04-01'
  }
}

function whatsappParams({ from, profileName, media }: InboundMessage): Params {
  const phone = /^whatsapp:\+(\d+)$/.exec(from)?.[1]
  const [kind = 'text'] = media[0]?.contentType.split('/') ?? []
  const context = { ProfileName: profileName, ...(phone && { WaId: phone }) }
  return {
    ProfileName: profileName,
    MessageType: kind,
    // A person with a WhatsApp user name has no phone to show: the address itself stands in its place.
    ...(phone ? { WaId: phone } : { ExternalUserId: from }),
    ReferralNumMedia: '0',
    ChannelMetadata: JSON.stringify({ type: 'whatsapp', data: { context } })
  }
}

const geography: Params = {
  FromCountry: 'US',
  FromState: 'CA',
  FromCity: '',
  FromZip: '',
  ToCountry: 'US',
  ToState: '',
  ToCity: '',
  ToZip: ''
}
