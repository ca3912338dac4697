import { jcsHash } from '../frames/jcs.ts'
import type { AuditRecord } from './audit.ts'

/** The hash of an audit record: SHA-256 (hex) of the canonical JSON of what it says. Throws for what is not JSON. */
export function hashOf(said: Omit<AuditRecord, 'hash'>): string {
  return jcsHash(said)
}
