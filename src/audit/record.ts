import type { AuditRecord } from '../store/audit.ts'
import { hashOf } from '../store/audit-hash.ts'

/** Completes an audit record with the hash of what it says. */
export function record({ action, actor, at, detail, execution, id, outcome, tenant }: Said): AuditRecord {
  // In the order of the canonical text, which then costs no sorting.
  const sorted = Object.entries(detail).sort(([a], [b]) => (a < b ? -1 : 1))
  const said = { action, actor, at, detail: Object.fromEntries(sorted), execution, id, outcome, tenant }
  return { ...said, hash: hashOf(said) }
}

type Said = Omit<AuditRecord, 'hash'>
