import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createAuditOf } from '../audit/records.ts'
import type { Config } from '../config.ts'
import { custodyOf } from '../custody.ts'
import { systemClock } from '../frames/clock.ts'
import { systemEntropy } from '../frames/entropy.ts'
import type { Custody } from '../inbox/custody.ts'
import { openKeptStore } from '../kept-store.ts'
import { createOperatorClient } from '../operator-client.ts'
import { FolderHeld } from '../store/sqlite/lock.ts'
import { told } from '../transfer.ts'
import { originOf, tokenOf } from './command.ts'

/**
 * Gives `act` the custody of the configured store: its own where no server holds the embedded one, else that of the running server, by
 * its API. Rejects with an Error that says what to do.
 */
export async function withCustody<T>(
  config: Config,
  to: string | undefined,
  act: (custody: Custody) => Promise<T>
): Promise<T> {
  if (to !== undefined) return act(remote(config, to))
  if (config.databaseUri === undefined && !existsSync(join(config.dataDir, 'knomly.sqlite'))) {
    throw new Error(`There is no store in DATA_DIR (${config.dataDir}): name the folder of the server.`)
  }
  const parts = { clock: systemClock, entropy: systemEntropy }
  const kept = await openKeptStore(config, parts).catch(error => {
    if (error instanceof FolderHeld) return null
    throw told(error)
  })
  if (kept === null) return act(remote(config, to))
  const auditOf = createAuditOf({ classOf: () => null })
  const { dataDir, accounts } = config
  try {
    return await act(custodyOf(kept, { ...parts, auditOf, dataDir, tenants: accounts.map(({ sid }) => sid) }))
  } finally {
    await kept.close()
  }
}

function remote(config: Config, to: string | undefined): Custody {
  return createOperatorClient(originOf(config, to), tokenOf(config)).custody
}
