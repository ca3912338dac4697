import type { Received, SendStatus } from '../channels/channel.ts'

/** The door behind the webhooks: what comes through it is kept before it is answered. */
export interface Inbox {
  /**
   * Keeps a message once. `limited` is asked only for a message that is not known yet, with the person's pseudonym, and says
   * whether that sender is over the limit. Rejects with STORE_UNAVAILABLE or STOPPING: then answer 503.
   */
  accept(
    tenant: string,
    received: Received,
    limited: (principal: string) => Promise<boolean>
  ): Promise<'accepted' | 'refused' | 'duplicate'>
  /** Notes what became of something we sent, found by `send` (the opaque id of the callback URL), else by its message id. */
  noteStatus(status: SendStatus, send: string | null): Promise<'noted' | 'unchanged' | 'unmatched'>
}
