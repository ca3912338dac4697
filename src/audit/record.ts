import { hash as sha } from 'node:crypto'
import { jcs } from '../frames/jcs.ts'
import type { AuditRecord } from '../store/audit.ts'

/** Completes an audit record with the hash of what it says. */
export function record(said: Omit<AuditRecord, 'hash'>): AuditRecord {
  return { ...said, hash: sha('sha256', jcs(said), 'hex') }
}
