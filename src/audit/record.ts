import type { AuditRecord } from '../store/audit.ts'
import { hashOf } from '../store/audit-hash.ts'

/** Completes an audit record with the hash of what it says. */
export function record(said: Omit<AuditRecord, 'hash'>): AuditRecord {
  return { ...said, hash: hashOf(said) }
}
