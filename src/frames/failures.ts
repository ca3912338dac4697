import type { Row } from './failure-row.ts'
import { requestFailures } from './request-failures.ts'

/**
 * Every failure there is: the sentence that says what to do next (English; the person's language table starts from the code),
 * the HTTP status where a route meets it, whether it is tried again, and whether the operator is alerted.
 */
export const failures = {
  ...requestFailures,
  // The store.
  STORE_UNAVAILABLE: {
    sentence: 'The message could not be kept: send it again.',
    status: 503,
    retry: 'outage',
    alert: true
  },
  KEY_UNAVAILABLE: {
    sentence: 'The key of this content is not there: set the MASTER_KEY of this store, or both while it is rotated.',
    status: 503,
    retry: 'outage',
    alert: true
  },
  CONTENT_DAMAGED: {
    sentence: 'This content is not as it was kept: restore it from a backup.',
    status: 500,
    retry: 'tries',
    alert: true
  },
  STOPPING: { sentence: 'The server is stopping: send it again.', status: 503, retry: 'outage' },
  // The voice note.
  NOTHING_TO_READ: {
    sentence: 'I can read text and listen to voice notes, but not open what you sent. Please type it or say it.',
    status: 422,
    retry: 'never'
  },
  AUDIO_EMPTY: { sentence: 'Your voice note arrived empty. Please record it again.', status: 422, retry: 'never' },
  AUDIO_TOO_LARGE: {
    sentence: 'Your voice note is larger than 16 MB. Please send a shorter one.',
    status: 422,
    retry: 'never'
  },
  AUDIO_TOO_LONG: {
    sentence: 'Your voice note is longer than I can listen to. Please send a shorter one.',
    status: 422,
    retry: 'never'
  },
  AUDIO_NOT_AUDIO: {
    sentence: 'What arrived is not an audio file. Please record a voice note in WhatsApp, or type your message.',
    status: 422,
    retry: 'never'
  },
  AUDIO_TYPE_UNSUPPORTED: {
    sentence: 'I cannot decode this kind of audio. Voice notes (Ogg Opus), MP3, M4A, WAV and WebM work.',
    status: 422,
    retry: 'never'
  },
  AUDIO_DAMAGED: {
    sentence: 'Your voice note is damaged or was cut off on its way. Please record it again.',
    status: 422,
    retry: 'never'
  },
  AUDIO_NOT_FOUND: {
    sentence: 'Your voice note could not be fetched. Please send it again.',
    status: 502,
    retry: 'tries'
  },
  AUDIO_UNAVAILABLE: {
    sentence: 'Your voice note could not be fetched. Please send it again later.',
    status: 502,
    retry: 'outage'
  },
  AUDIO_ACCESS_REFUSED: {
    sentence: 'Your voice note could not be fetched. My operator has been told; please type your message meanwhile.',
    status: 502,
    retry: 'tries',
    alert: true
  },
  AUDIO_HOST_REFUSED: {
    sentence: 'Your voice note could not be fetched safely. Please type your message.',
    status: 502,
    retry: 'never',
    alert: true
  },
  AUDIO_EXPIRED: {
    sentence: 'Your voice note was kept only for a while and is gone. Please send it again.',
    status: 410,
    retry: 'never'
  },
  SPEECH_EMPTY: {
    sentence: 'I could not hear any words in your voice note. Please record it again, closer to the microphone.',
    status: 422,
    retry: 'never'
  },
  SPEECH_UNREADABLE: {
    sentence: 'The speech service could not read your voice note. Please record it again, or type your message.',
    status: 422,
    retry: 'never'
  },
  // The providers.
  PROVIDER_UNAVAILABLE: {
    sentence: 'I could not do this, because a service that I need is not answering. Please try again later.',
    status: 502,
    retry: 'outage'
  },
  PROVIDER_REFUSED: {
    sentence: 'I could not do this, because a service that I need refused. My operator has been told.',
    status: 502,
    retry: 'never',
    alert: true
  },
  PROVIDER_CONTENT_REFUSED: {
    sentence:
      'I could not do this, because the language service would not take the message. Please put it differently.',
    status: 422,
    retry: 'never'
  },
  PROVIDER_GARBLED: {
    sentence: 'I could not do this, because the language service gave an answer that makes no sense. Please try again.',
    status: 502,
    retry: 'tries'
  },
  AGENT_TOO_MANY_CALLS: {
    sentence: 'I could not do this, because it needed too many steps. Please ask for less at once.',
    status: 422,
    retry: 'never'
  },
  AGENT_TOO_LONG: {
    sentence: 'I could not do this, because it took too long. Please ask for less at once.',
    status: 422,
    retry: 'never'
  },
  AGENT_TOO_BIG: {
    sentence: 'I could not do this, because it grew too big. Please ask for less at once.',
    status: 422,
    retry: 'never'
  },
  // The secrets of tools.
  SECRET_UNAVAILABLE: {
    sentence: 'I could not do this, because a key that I need for it is not there. My operator has been told.',
    status: 502,
    retry: 'tries',
    alert: true
  },
  SECRET_WITHHELD: { sentence: 'I held my answer back: a secret was in it.', status: 500, retry: 'never', alert: true },
  // Asking for messages that no webhook brought.
  LIST_UNAVAILABLE: {
    sentence: 'The received messages could not be listed: they are asked for again in a minute.',
    status: 502,
    retry: 'outage'
  },
  MEDIA_NOT_DELETED: { sentence: 'A voice note is still at Twilio.', status: 502, retry: 'outage', alert: true },
  // Sending.
  SEND_UNAVAILABLE: { sentence: 'The answer could not be sent yet.', status: 502, retry: 'sending' },
  SEND_REFUSED: {
    sentence: 'The answer was refused by the messaging service.',
    status: 502,
    retry: 'never',
    alert: true
  },
  SEND_UNDELIVERABLE: { sentence: 'The person cannot be reached at this address.', status: 502, retry: 'never' },
  SEND_OPTED_OUT: { sentence: 'The person asked for no more messages.', status: 409, retry: 'never' },
  SEND_WINDOW_CLOSED: { sentence: 'The 24 hours for an answer are over.', status: 409, retry: 'never' },
  // The engine.
  WORK_STALE: {
    sentence:
      'I got to your message only now, hours later, and did not act on it. Please send it again if it still matters.',
    status: 410,
    retry: 'never',
    alert: true
  },
  WORK_KILLS_THE_PROCESS: {
    sentence: 'I could not do this, because something in it breaks me. My operator has been told.',
    status: 500,
    retry: 'never',
    alert: true
  },
  WORK_BROKEN: {
    sentence: 'I could not do this, because something went wrong on my side. My operator has been told.',
    status: 500,
    retry: 'tries',
    alert: true
  },
  OUTCOME_UNKNOWN: {
    sentence: 'I was interrupted while doing something and do not know whether it happened. My operator has been told.',
    status: 500,
    retry: 'never',
    alert: true
  }
} as const satisfies Record<string, Row>
