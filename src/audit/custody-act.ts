import type { AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'

/** Tells what the operator did with a person's data or with the keys. `id` names the act. */
export function custodyAct(
  id: string,
  said: Pick<AuditRecord, 'tenant' | 'action' | 'outcome' | 'detail'>,
  now: number
): AuditRecord {
  const at = new Date(now).toISOString()
  return record({ id: `custody:${id}`, at, actor: 'operator', execution: null, ...said })
}
