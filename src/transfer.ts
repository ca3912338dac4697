import type { StoreConfig } from './config/store.ts'
import type { Clock } from './frames/clock.ts'
import { Failure } from './frames/failure.ts'
import { startError } from './start-error.ts'
import type { AuditSource } from './store/audit-source.ts'
import { openSqliteAuditSource } from './store/sqlite/audit-source.ts'
import { openSqliteSource } from './store/sqlite/dump.ts'
import { openSqliteTarget } from './store/sqlite/restore.ts'
import type { StoreSource, StoreTarget } from './store/transfer.ts'
import { absenceOf } from './store-absence.ts'
import { explained } from './store-refusals.ts'

/** Opens the configured store to read all of it, beside the servers that work on it. Rejects with an Error that says what to do. */
export async function openSource({ databaseUri, dataDir }: StoreConfig): Promise<StoreSource> {
  if (databaseUri === undefined) return openSqliteSource(dataDir)
  // Loaded here, as in `system.ts`: the embedded store does without the driver.
  const { openMongoSource } = await import('./store/mongodb/dump.ts')
  return openMongoSource(databaseUri).catch(error => {
    throw told(explained(error))
  })
}

/** Opens the audit of the configured store, beside the servers that work on it. Rejects with an Error that says what to do. */
export async function openAudit({ databaseUri, dataDir }: StoreConfig): Promise<AuditSource> {
  if (databaseUri === undefined) return openSqliteAuditSource(dataDir)
  const { openMongoAuditSource } = await import('./store/mongodb/audit-source.ts')
  return openMongoAuditSource(databaseUri).catch(error => {
    throw told(explained(error))
  })
}

/** Opens the configured store to fill it. Rejects with an Error that says what to do. */
export async function openTarget({ databaseUri, dataDir }: StoreConfig, clock: Clock): Promise<StoreTarget> {
  if (databaseUri === undefined) {
    return openSqliteTarget({ dir: dataDir, clock }).catch(error => {
      throw new Error(startError(error), { cause: error })
    })
  }
  const { openMongoTarget } = await import('./store/mongodb/load.ts')
  return openMongoTarget({ uri: databaseUri, clock }).catch(error => {
    throw told(explained(error))
  })
}

/** An error as a command tells it: a store that does not answer is named, and its code. */
export function told(error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  const code = absenceOf(error)
  return new Error(
    `The store does not answer (${code}): look at DATA_DIR and its disk, or at MONGODB_URI, and run the command again.`,
    { cause: error }
  )
}
