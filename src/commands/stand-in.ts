import type { Config } from '../config.ts'
import type { CallerOptions } from '../simulator/caller.ts'
import { startTwilio } from '../simulator/twilio.ts'

/** The stand-in for Twilio that a sent message needs, where Twilio itself is not configured. */
export interface StandIn {
  /** Puts a voice note where the server fetches it; undefined where Twilio itself is configured. */
  readonly addMedia?: NonNullable<CallerOptions['addMedia']>
  /** What to tell about it; null where Twilio itself is configured. */
  readonly sentence: string | null
  close(): Promise<void>
}

/**
 * Finds the stand-in at `TWILIO_API_URL`, or plays it there for a while where nobody listens. Rejects with an Error that says what
 * to do where a voice note is to be sent and the real Twilio is configured, or somebody else listens there.
 */
export async function openStandIn(config: Config, forVoiceNote: boolean): Promise<StandIn> {
  const { twilioApiUrl: url } = config
  if (url === 'https://api.twilio.com') {
    if (forVoiceNote) throw new Error(onlyFromPhones)
    return { sentence: null, close: async () => undefined }
  }
  const banner = await fetch(`${url}/simulator/banner`).catch(() => null)
  if (banner === null) return playStandIn(config)
  if (!banner.ok) throw new Error(`What listens on TWILIO_API_URL (${url}) is no stand-in of Knomly: use another port.`)
  return {
    addMedia: (messageSid, bytes, contentType) => upload(url, messageSid, bytes, contentType),
    sentence: `The stand-in for Twilio on ${url} takes the answer.`,
    close: async () => undefined
  }
}

const onlyFromPhones =
  'The server fetches a voice note from Twilio, and the real one takes it from a phone only. To send a file, use the ' +
  'stand-in: the settings that "npm run demo -- --keep" prints, or TWILIO_API_URL=http://127.0.0.1:4010 for the server ' +
  'and for this command.'

async function playStandIn({ twilioApiUrl, account }: Config): Promise<StandIn> {
  const { sid: accountSid, rest, authTokens } = account
  const [authToken = ''] = authTokens
  const apiKey = { sid: rest.user, secret: rest.password }
  const twilio = await startTwilio({ accountSid, authToken, apiKey, port: Number(new URL(twilioApiUrl).port || 80) })
  return {
    addMedia: (messageSid, bytes, contentType) => twilio.addMedia(messageSid, bytes, contentType),
    sentence: `A stand-in for Twilio is played on ${twilioApiUrl} meanwhile.`,
    async close() {
      await twilio.callbacksPosted()
      await twilio.close()
    }
  }
}

async function upload(origin: string, messageSid: string, bytes: Uint8Array, contentType: string): Promise<string> {
  const response = await fetch(`${origin}/simulator/media?message=${messageSid}`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: new Uint8Array(bytes)
  })
  return ((await response.json()) as { url: string }).url
}
