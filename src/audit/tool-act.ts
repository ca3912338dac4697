import type { AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'
import { serverTenant } from './server-acts.ts'

/** Tells that a remote tool was seen for the first time or is another one than it was, or that the operator took it as it is. */
export function toolAct(
  act: 'pinned' | 'changed' | 'accepted',
  tool: string,
  hash: string,
  version: number,
  now: number
): AuditRecord {
  const actor = act === 'accepted' ? 'operator' : 'server'
  const about = { tenant: serverTenant, at: new Date(now).toISOString(), actor, action: 'tool.pin', execution: null }
  return record({ id: `tool-pin:${tool}:${version}:${act}:${hash}`, ...about, outcome: act, detail: { tool, hash } })
}
