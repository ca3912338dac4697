import type { AuditRecord } from './audit.ts'
import { hashOf } from './audit-hash.ts'
import type { AuditEntry } from './transfer.ts'

/** An audit record as it travels, in no block yet. */
export function toAuditEntry({ at, detail, ...rest }: AuditRecord): AuditEntry {
  return { type: 'audit', ...rest, at: Date.parse(at), detail: JSON.stringify(detail), block: null }
}

/** Whether an audit record still says what its hash is over. */
export function isUnchanged({ type: _, block: _block, hash, ...said }: AuditEntry): boolean {
  try {
    return hash === hashOf({ ...said, at: new Date(said.at).toISOString(), detail: JSON.parse(said.detail) })
  } catch {
    return false
  }
}
