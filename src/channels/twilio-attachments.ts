import { Failure } from '../frames/failure.ts'
import type { Message } from '../frames/kinds.ts'
import type { Form } from './channel.ts'

/** Stands for the id of an attachment whose URL is not one of Twilio's for this very message: kept, never fetched. */
export const foreignMedia = 'foreign'

const mediaUrl =
  /^(https?:\/\/[^/]+)\/2010-04-01\/Accounts\/(AC[0-9a-fA-F]{32})\/Messages\/((?:SM|MM)[0-9a-fA-F]{32})\/Media\/(ME[0-9a-fA-F]{32})$/
/** Types under which audio comes in: besides audio/*, a 3GP voice memo is called a video, and some senders say nothing. */
const saidAudio = /^(?:$|audio\/|video\/3gpp|application\/(?:ogg|octet-stream)(?:;|$))/i
/** `api[.edge][.region].twilio.com` (docs/global-infrastructure). */
const twilioOrigin = /^https:\/\/api(?:\.[a-z0-9-]{1,63}){0,2}\.twilio\.com$/

/**
 * Reads the attachments of a signed form. Of a URL only the media SID is kept, and only where both other SIDs are the signed
 * ones and the host is Twilio's or the configured API. Throws FORM_INCOMPLETE where NumMedia is not a count of 0 to 10.
 */
export function readAttachments(
  form: Form,
  of: { account: string; message: string; apiUrl: string }
): Message['media'] {
  const count = form.get('NumMedia') ?? '0'
  if (!/^(?:\d|10)$/.test(count)) throw new Failure('FORM_INCOMPLETE')
  return Array.from({ length: Number(count) }, (_, i) => {
    const type = (form.get(`MediaContentType${i}`) ?? '').slice(0, 200).toWellFormed()
    return { id: readMediaSid(form.get(`MediaUrl${i}`) ?? '', of), type, audio: mayBeAudio(type, form) }
  })
}

function readMediaSid(url: string, of: { account: string; message: string; apiUrl: string }): string {
  const [, origin = '', account, message, media = foreignMedia] = mediaUrl.exec(url) ?? []
  const ours = account === of.account && message === of.message
  return ours && (origin === of.apiUrl || twilioOrigin.test(origin)) ? media : foreignMedia
}

function mayBeAudio(type: string, form: Form): boolean {
  // Browsers record a voice note as WebM, which is called a video by its container: here the message has to say which it is.
  return saidAudio.test(type) || (/^video\/webm/i.test(type) && form.get('MessageType') === 'audio')
}
