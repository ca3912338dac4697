import type { Envelope } from '../frames/cipher.ts'

/**
 * What is to be sealed, on its way into a store. As JSON it is the sealed text (base64url), which is made once; an adapter that writes
 * in a thread of its own sends the envelope there and closes it there.
 */
export interface Enclosed {
  readonly envelope: Envelope
  toJSON(): string
}

/** Hands over an envelope with the way to close it here. */
export function enclosed(envelope: Envelope, close: (envelope: Envelope) => Buffer): Enclosed {
  let text: string | undefined
  return {
    envelope,
    toJSON() {
      text ??= close(envelope).toString('base64url')
      return text
    }
  }
}

/** A frame whose content is enclosed, or null for one in clear. */
export function enclosedIn<F extends object>(frame: F): { head: Omit<F, 'sealed'>; envelope: Envelope } | null {
  if (!('sealed' in frame)) return null
  const { sealed, ...head } = frame as F & { sealed: Enclosed | string }
  return typeof sealed === 'string' ? null : { head, envelope: sealed.envelope }
}
