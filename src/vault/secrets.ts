import type { Secret } from './secret.ts'

/** Who a secret is asked for: one call of one tool. `principal` is the pseudonym of the person. */
export interface SecretScope {
  readonly tenant: string
  readonly principal: string
  readonly tool: string
}

/** Where tools' secrets come from. */
export interface Secrets {
  /**
   * Hands a secret to `use` for the length of one call; after it there is nothing left to reveal. Throws SECRET_UNAVAILABLE where there is none for the scope or its source
   * does not answer; `use` was not called then.
   */
  withSecret<T>(name: string, scope: SecretScope, use: (secret: Secret<string>) => Promise<T>): Promise<T>
}

/** A secret as its source keeps it. `tools` are the only ones that may have it (`crm__*`: all that begin so); absent: every tool of its tenant. */
export interface KeptSecret {
  readonly value: Secret<string>
  readonly tools?: readonly string[] | undefined
}

/** One place where secrets are kept, by tenant and name. */
export interface SecretSource {
  /**
   * Looks a secret up; null where the tenant has none of that name. Rejects with an Error, which holds nothing of the answer, where
   * the source cannot be asked, refuses or makes no sense.
   */
  read(tenant: string, name: string, signal: AbortSignal): Promise<KeptSecret | null>
  /** Every secret that it can tell without being asked for one: known before they are used. */
  known?(): readonly Secret<string>[]
}
