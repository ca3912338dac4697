import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** What a URI says about its own protection. */
export interface UriFacts {
  /** It proves who calls: by a password, or by other means that need none. */
  readonly hasCredentials: boolean
  /** What is said is encrypted, to a server whose certificate and name are checked. */
  readonly hasTls: boolean
}

/** What the server takes as the name of a database, on any system (mongodb.com/docs/manual/reference/limits, "Naming Restrictions"). */
const databaseName = /^[^/\\. "$*<>:|?]{1,63}$/

/**
 * Reads a URI as the driver reads it, without a connection; null where the driver takes it for no URI or does not know an option of it,
 * and where no server takes the name of the database.
 */
export function inspectUri(uri: string): UriFacts | null {
  // Loaded when there is a URI: the driver takes 30 MB, which the embedded store does without.
  const { AuthMechanism, MongoClient } = require('mongodb') as typeof import('mongodb')
  const needNoPassword: readonly string[] = [AuthMechanism.MONGODB_X509, AuthMechanism.MONGODB_OIDC]
  try {
    const { credentials, tls, rejectUnauthorized, checkServerIdentity, dbName } = new MongoClient(uri).options
    if (!databaseName.test(dbName)) return null
    return {
      hasCredentials:
        credentials !== undefined && (credentials.password !== '' || needNoPassword.includes(credentials.mechanism)),
      hasTls: tls === true && rejectUnauthorized !== false && checkServerIdentity === undefined
    }
  } catch {
    return null
  }
}
