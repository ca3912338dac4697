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
   * Hands a secret to `use` for the length of one call. Throws SECRET_UNAVAILABLE where there is none for the scope or its source
   * does not answer; `use` was not called then.
   */
  withSecret<T>(name: string, scope: SecretScope, use: (secret: Secret<string>) => Promise<T>): Promise<T>
}
