import type { AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'
import { serverTenant } from './server-acts.ts'

/** Tells that something was switched off, or on again, and by whom. `id` names the act. */
export function switchAct(
  id: string,
  target: string,
  isOff: boolean,
  now: number,
  actor: 'operator' | 'server' = 'operator'
): AuditRecord {
  const at = new Date(now).toISOString()
  const about = { tenant: serverTenant, at, actor, action: 'switch.set', execution: null }
  return record({ id: `switch:${id}`, ...about, outcome: isOff ? 'off' : 'on', detail: { target } })
}
