import { Failure } from '../frames/failure.ts'
import type { Secret } from '../vault/secret.ts'
import type { SecretScope, Secrets } from '../vault/secrets.ts'

/** The secrets of one call: asked for by name, of the tenant and for the tool of the call. */
export interface ToolSecrets {
  /**
   * Hands a secret to `use`, for as long as that takes. Throws SECRET_UNAVAILABLE where it cannot be had, which the tool lets through:
   * it asks for all that it needs before it does anything, so that the call can be refused.
   */
  withSecret<T>(name: string, use: (secret: Secret<string>) => Promise<T>): Promise<T>
}

/** The secrets of a call, and whether a failure was for want of one before anything can have been done with another. */
export function bindSecrets(
  secrets: Secrets,
  scope: SecretScope
): { readonly secrets: ToolSecrets; isRefusal(error: unknown): boolean } {
  const missing = new WeakSet<Failure>()
  let used = 0
  return {
    secrets: {
      async withSecret(name, use) {
        const before = used
        let called = false
        try {
          return await secrets.withSecret(name, scope, async secret => {
            called = true
            return use(secret).finally(() => used++)
          })
        } catch (error) {
          if (!called && before === 0 && error instanceof Failure) missing.add(error)
          throw error
        }
      }
    },
    isRefusal: error => error instanceof Failure && error.code === 'SECRET_UNAVAILABLE' && missing.has(error)
  }
}
