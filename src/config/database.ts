import type { Settings } from './variables.ts'
import type { Warning } from './warnings.ts'

/**
 * The URI of the database, or undefined for the embedded store. What is wrong goes to `problems` as sentences: in production it is
 * not reached by whoever asks and not in the clear, unless MONGODB_INSECURE says so; that goes to `warnings`.
 */
export function readDatabase(
  settings: Pick<Settings, 'MONGODB_URI' | 'MONGODB_INSECURE' | 'MASTER_KEY'>,
  isProduction: boolean,
  problems: string[],
  warnings: Warning[]
): string | undefined {
  if (settings.MONGODB_URI === undefined) return undefined
  const { uri, hasCredentials, hasTls } = settings.MONGODB_URI
  if (settings.MASTER_KEY === undefined) {
    problems.push(
      'MASTER_KEY is missing: set it to 32 random bytes as base64 (openssl rand -base64 32), the same for every process on MONGODB_URI.'
    )
  }
  const missing = [
    ...(hasCredentials ? [] : ['credentials (user:password@)']),
    ...(hasTls ? [] : ['TLS with checked certificates (tls=true)'])
  ]
  if (isProduction && missing.length > 0) {
    if (settings.MONGODB_INSECURE === 'allow') warnings.push('database-without-protection')
    else problems.push(`MONGODB_URI has no ${missing.join(' and no ')}: add that, or set MONGODB_INSECURE=allow.`)
  }
  return uri
}
