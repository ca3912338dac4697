import type { AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'
import { serverTenant } from './server-acts.ts'

/** Tells that the operator, or the server by itself, switched something off, or on again. `id` names the act. */
export function switchAct(
  id: string,
  target: string,
  isOff: boolean,
  now: number,
  by: 'operator' | 'server'
): AuditRecord {
  const at = new Date(now).toISOString()
  const about = { tenant: serverTenant, at, actor: by, action: 'switch.set', execution: null }
  return record({ id: `switch:${id}`, ...about, outcome: isOff ? 'off' : 'on', detail: { target } })
}
