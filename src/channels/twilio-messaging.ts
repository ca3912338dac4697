import type { Clock } from '../frames/clock.ts'
import { startDeadline } from '../frames/deadline.ts'
import type { Observe } from '../frames/event.ts'
import { Failure } from '../frames/failure.ts'
import type { Message } from '../frames/kinds.ts'
import type { Channel } from './channel.ts'
import { inspectAudio } from './inspect-audio.ts'
import { sendableText } from './sendable-text.ts'
import { splitText } from './split-text.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { foreignMedia } from './twilio-attachments.ts'
import { createTwilioClient } from './twilio-client.ts'
import { createTemplates, maxOverButtons } from './twilio-content.ts'
import { deleteMedia } from './twilio-delete.ts'
import { listReceived } from './twilio-list.ts'
import { createDownload } from './twilio-media.ts'
import { readMessage } from './twilio-receive.ts'
import { createMessage, listMessages } from './twilio-send.ts'
import { readStatus } from './twilio-status.ts'

const sendTimeoutMs = 5_000
const listTimeoutMs = 10_000
/** For all its pages and attachments; shorter than a turn of the reconciler. */
const receivedTimeoutMs = 90_000
const minute = 60_000
/** WhatsApp's 24 hours, less what an answer may spend on its way there. */
const whatsappWindowMs = 24 * 60 * minute - 5 * minute

/**
 * The channel for WhatsApp and SMS of one Twilio account. `apiUrl` and `publicUrl` are origins: where Twilio's REST API and
 * media are, and where Twilio reaches us.
 */
export function createTwilioMessaging(options: {
  account: TwilioAccount
  apiUrl: string
  publicUrl: string
  maxAudioSeconds: number
  clock: Clock
  observe: Observe
}): Channel {
  const { account, apiUrl, publicUrl, maxAudioSeconds, clock, observe } = options
  const download = createDownload({ apiUrl, rest: account.rest, clock })
  const openMessages = createTwilioClient({ account, apiUrl, clock })
  const createTemplate = createTemplates({ account, apiUrl })

  async function fetchAudio(message: Message, attachment: number, signal: AbortSignal) {
    const path = pathOf(message, attachment)
    return inspectAudio(await download(path, signal), maxAudioSeconds)
  }

  return {
    receive: form => readMessage(form, account, apiUrl),
    status: form => readStatus(form, account),
    fetchAudio: (message, attachment, signal) =>
      fetchAudio(message, attachment, signal).catch(error => {
        if (error instanceof Failure && error.code === 'AUDIO_HOST_REFUSED') {
          observe('media.refused', { code: error.code })
        }
        throw error
      }),
    deleteAudio: ({ message, media }, signal) =>
      within(listTimeoutMs, signal, until => deleteMedia(openMessages(until), message, media)),
    split: text => splitText(sendableText(text)),
    send: (outgoing, signal) =>
      within(sendTimeoutMs, signal, until =>
        createMessage(openMessages(until), outgoing, `${publicUrl}/webhooks/twilio/status?s=${outgoing.send}`)
      ),
    canTap: ({ from, text }) => isWhatsApp(from) && sendableText(text).length <= maxOverButtons,
    createButtons: (labels, signal) => within(sendTimeoutMs, signal, until => createTemplate(labels, until)),
    listSent: (outgoing, since, signal) =>
      within(listTimeoutMs, signal, until => listMessages(openMessages(until), outgoing, since)),
    listReceived: (wanted, signal) =>
      within(receivedTimeoutMs, signal, until =>
        listReceived({ messages: openMessages(until), account, apiUrl }, wanted)
      ),
    sendTimeoutMs,
    windowMs: address => (isWhatsApp(address) ? whatsappWindowMs : Number.POSITIVE_INFINITY)
  }
}

function isWhatsApp(address: string): boolean {
  return address.startsWith('whatsapp:')
}

/** Where an attachment lies on the API: built from SIDs alone, never taken from the webhook (rule R17). */
function pathOf({ account, message, media }: Message, attachment: number): string {
  const { id, audio } = media[attachment] ?? { id: foreignMedia, audio: false }
  if (!audio) throw new Failure('AUDIO_NOT_AUDIO')
  if (id === foreignMedia) throw new Failure('AUDIO_HOST_REFUSED', { cause: { code: 'FOREIGN_URL' } })
  return `/2010-04-01/Accounts/${account}/Messages/${message}/Media/${id}`
}

async function within<T>(ms: number, signal: AbortSignal, call: (until: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = startDeadline(signal, ms)
  try {
    return await call(deadline.signal)
  } finally {
    deadline.clear()
  }
}
