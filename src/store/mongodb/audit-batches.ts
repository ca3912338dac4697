import type { AuditRecord } from '../audit.ts'
import type { AuditDoc, Collections } from './collections.ts'
import { groupedInsert } from './grouped.ts'

/** Keeps audit records. `keep` resolves once most members have all of them; one that is there already stays as it is. */
export interface AuditBatches {
  keep(records: readonly AuditRecord[]): Promise<void>
}

/** Inserts together whatever is told meanwhile, of all lanes. The server waits for the majority also where it refuses what it knows. */
export function createAuditBatches(audit: Collections['audit']): AuditBatches {
  const insert = groupedInsert(audit)
  return {
    async keep(records) {
      await Promise.all(records.map(record => insert(toDoc(record))))
    }
  }
}

function toDoc({ id, at, detail, ...rest }: AuditRecord): AuditDoc {
  return { _id: id, at: new Date(at), detail: JSON.stringify(detail), ...rest, unsealed: true }
}
