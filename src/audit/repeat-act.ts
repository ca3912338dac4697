import type { Execution } from '../frames/execution.ts'
import type { AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'

/** Tells, once, that a code or a tap came again under the same id: it counts once, however often it comes. */
export function repeatAct(
  { id, tenant, principal }: Pick<Execution, 'id' | 'tenant' | 'principal'>,
  now: number
): AuditRecord {
  const about = { tenant, at: new Date(now).toISOString(), actor: principal, execution: id }
  const said = { action: 'approval.evidence', outcome: 'refused', detail: { reason: 'repeated' } }
  return record({ id: `${id}:1:repeated`, ...about, ...said })
}
