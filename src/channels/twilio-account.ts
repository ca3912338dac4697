/** One Twilio account as configured: a tenant. Its SID is the tenant's name everywhere. */
export interface TwilioAccount {
  readonly sid: string
  /** The tokens that may have signed a webhook: the current one and, during a rotation, the next. */
  readonly authTokens: readonly string[]
  /** Customer-managed signing keys by their id (Webhooks configuration API); empty where none are used. */
  readonly sharedKeys: ReadonlyMap<string, string>
  /** Basic credentials for REST and media: an API key, or the SID and its token. */
  readonly rest: { readonly user: string; readonly password: string }
  /** Our own addresses on this account: a message to any other is refused. */
  readonly senders: readonly string[]
  /** Who may talk to the agent. */
  readonly allowed: ReadonlySet<string> | '*'
  /** Whether voice notes are deleted at Twilio once they are kept here (rule R21). */
  readonly deletesMedia: boolean
}
