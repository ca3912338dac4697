import type { DataOf, Message, ReceivedKind } from '../frames/kinds.ts'
import type { Provenance } from '../frames/provenance.ts'

/** A decoded form: keys once each, in the order they came. */
export type Form = ReadonlyMap<string, string>

/** What a webhook about a message said, in words that know no provider. */
export type Received = {
  [K in ReceivedKind]: {
    readonly id: string
    readonly kind: K
    readonly data: DataOf<K>
    readonly provenance: Provenance
  }
}[ReceivedKind]

/** A step in the life of something we sent. `rank` grows along the way; `kind` is null for steps that are not kept. */
export interface SendStatus {
  readonly message: string
  readonly status: string
  readonly rank: number
  readonly kind: 'reply.delivered' | 'reply.read' | 'reply.failed' | null
  readonly code: number | null
  /** The other side says that the person wants no more messages. */
  readonly optedOut: boolean
}

/** Audio as it was fetched: `type` by its own bytes, `seconds` null where it cannot be told. */
export interface FetchedAudio {
  readonly bytes: Uint8Array
  readonly type: string
  readonly seconds: number | null
}

/** Which received messages are listed: those made from `since` to `until` (ms) whose id is not known. */
export interface Wanted {
  readonly since: number
  readonly until: number
  isKnown(id: string): Promise<boolean>
}

/** Received messages as the other side lists them. */
export interface Listing {
  /** Oldest first. */
  readonly received: readonly Received[]
  /** How many more were listed and make no sense. */
  readonly unreadable: number
  /** False where there are more than one listing takes: ask again once these are known. */
  readonly complete: boolean
}

/** Where a message comes from that was found by listing: it is answered, and is never evidence for an approval. */
export const listedOrigin = 'twilio-messaging-list'

/** Two buttons under a question: the template that has them, and the tokens that come back with a tap. */
export interface Buttons {
  readonly template: string
  readonly approve: string
  readonly refuse: string
}

/** What stands on the buttons, in a language (ISO 639-1). */
export interface ButtonLabels {
  readonly language: string
  readonly approve: string
  readonly refuse: string
}

/** One message to send. `send` is an opaque id of [A-Za-z0-9_-] that comes back with its status callbacks. */
export interface Outgoing {
  readonly from: string
  readonly to: string
  readonly text: string
  readonly send: string
  readonly buttons?: Buttons
}

/** A way to talk to people. Twilio words stop here. */
export interface Channel {
  /** Reads the form of an accepted webhook. Throws FORM_INCOMPLETE, SENDER_UNKNOWN, ACCOUNT_UNKNOWN. */
  receive(form: Form): Received
  /** Reads the form of a status callback. Throws FORM_INCOMPLETE, ACCOUNT_UNKNOWN. */
  status(form: Form): SendStatus
  /** Fetches one attachment. Throws the AUDIO_… failures. */
  fetchAudio(message: Message, attachment: number, signal: AbortSignal): Promise<FetchedAudio>
  /** Deletes audio on the other side, by the ids of its frame; what is not there any more is deleted. Throws MEDIA_NOT_DELETED. */
  deleteAudio(audio: { readonly message: string; readonly media: string }, signal: AbortSignal): Promise<void>
  /** Splits a text into parts that can be sent, in order, on word bounds. */
  split(text: string): string[]
  /** Sends one part and answers its id. Throws the SEND_… failures; `refused` where it was certainly not taken. */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<string>
  /** Whether a person can tap a button under this message. */
  canTap(outgoing: Pick<Outgoing, 'from' | 'text'>): boolean
  /** Makes a template with two buttons and answers its id. Throws the SEND_… failures. */
  createButtons(labels: ButtonLabels, signal: AbortSignal): Promise<string>
  /** The ids of messages sent since `since` (ms) that equal this one, with buttons or without, newest first, as the other side lists them. */
  listSent(outgoing: Pick<Outgoing, 'from' | 'to' | 'text'>, since: number, signal: AbortSignal): Promise<string[]>
  /** Lists messages that people sent to us, whether or not a webhook told of them. Throws LIST_UNAVAILABLE, and what `isKnown` throws. */
  listReceived(wanted: Wanted, signal: AbortSignal): Promise<Listing>
  /** How long a send can be under way before it has certainly ended, ms. */
  readonly sendTimeoutMs: number
  /** How long after a person's last message an answer may be sent, ms. */
  windowMs(address: string): number
}
