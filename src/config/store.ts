import { resolve } from 'node:path'
import { ConfigError, headsFileOf } from '../config.ts'
import { readDatabase } from './database.ts'
import { schema } from './variables.ts'

/** Where the store is and what opens it: all that copying it needs. */
export interface StoreConfig {
  /** Undefined for the embedded store. */
  readonly databaseUri: string | undefined
  readonly dataDir: string
  readonly masterKey: Buffer | undefined
  /** The one that follows while the master key is changed. */
  readonly masterKeyNext: Buffer | undefined
  readonly contentMs: number
}

/** What its audit needs besides. */
export interface AuditConfig extends StoreConfig {
  readonly auditMs: number
  /** Where signed heads are appended. */
  readonly auditHeadsFile: string
}

const storeSchema = schema.pick({
  MONGODB_URI: true,
  MONGODB_INSECURE: true,
  DATA_DIR: true,
  MASTER_KEY: true,
  MASTER_KEY_NEXT: true,
  RETENTION_CONTENT_DAYS: true,
  RETENTION_AUDIT_DAYS: true,
  AUDIT_HEADS_FILE: true
})

const day = 24 * 3_600_000

/** Reads the variables of the store alone; an empty one counts as unset. Throws a ConfigError with everything that is wrong with them. */
export function readStoreConfig(env: NodeJS.ProcessEnv): AuditConfig {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = storeSchema.safeParse(set)
  if (!parsed.success)
    throw new ConfigError(parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}.`))
  const problems: string[] = []
  const databaseUri = readDatabase(parsed.data, set.NODE_ENV === 'production', problems, [])
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    databaseUri,
    dataDir: resolve(parsed.data.DATA_DIR),
    masterKey: parsed.data.MASTER_KEY,
    masterKeyNext: parsed.data.MASTER_KEY_NEXT,
    contentMs: parsed.data.RETENTION_CONTENT_DAYS * day,
    auditMs: parsed.data.RETENTION_AUDIT_DAYS * day,
    auditHeadsFile: headsFileOf(parsed.data)
  }
}
