import { join } from 'node:path'
import { custodyAct } from './audit/custody-act.ts'
import type { Clock } from './frames/clock.ts'
import type { Entropy } from './frames/entropy.ts'
import { type Custody, createCustody } from './inbox/custody.ts'
import type { KeptStore } from './kept-store.ts'
import type { AuditOf } from './store/audit.ts'
import { appendLines } from './store/durable-file.ts'
import { pseudonymOf } from './vault/index-key.ts'

/** The file of the ledger of erasures in a data folder. */
export function ledgerIn(dataDir: string): string {
  return join(dataDir, 'erased.jsonl')
}

/** The custody of an opened store; erasures are written down in `dataDir`. */
export function custodyOf(
  kept: KeptStore,
  parts: { clock: Clock; entropy: Entropy; auditOf: AuditOf; dataDir: string; tenants: readonly string[] }
): Custody {
  const { store, contentKeys, rotate, isShared } = kept
  return createCustody({
    ...parts,
    ...{ store, contentKeys, rotate, isShared },
    pseudonym: (tenant, address) => pseudonymOf(kept.indexKey, tenant, address),
    toldOf: custodyAct,
    remember: line => appendLines(ledgerIn(parts.dataDir), [line])
  })
}
