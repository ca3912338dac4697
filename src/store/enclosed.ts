import type { Envelope } from '../frames/cipher.ts'
import type { Head } from '../frames/frame.ts'

/**
 * What is to be sealed, on its way into a store. As JSON it is the sealed text (base64url), which is made once; an adapter that writes
 * in a thread of its own sends the envelope there and closes it there.
 */
export interface Enclosed {
  /** What stands around it in clear. */
  readonly head: Head
  readonly envelope: Envelope
  toJSON(): string
}

/** Hands over an envelope, and the head of the frame whose content it holds, with the way to close it here. */
export function enclosed(head: Head, envelope: Envelope, close: (envelope: Envelope) => Buffer): Enclosed {
  let text: string | undefined
  return {
    head,
    envelope,
    toJSON() {
      text ??= close(envelope).toString('base64url')
      return text
    }
  }
}

/** What is enclosed in a frame, or null for one in clear. */
export function enclosedIn(frame: object): Enclosed | null {
  if (!('sealed' in frame) || typeof frame.sealed === 'string') return null
  return frame.sealed as Enclosed
}
