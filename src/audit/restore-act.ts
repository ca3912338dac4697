import type { AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'
import { serverTenant } from './server-acts.ts'

/** What is told of a restore: which backup, how it came back, and how much of each kind was in it. */
export interface RestoreAct {
  readonly backup: string
  readonly resume: boolean
  readonly counts: Readonly<Record<string, number>>
  readonly now: number
}

/** Tells that the operator restored a backup: once, however often that restore was begun. */
export function restoreAct({ backup, resume, counts, now }: RestoreAct): AuditRecord {
  const at = new Date(now).toISOString()
  const about = { tenant: serverTenant, at, actor: 'operator', action: 'store.restore', execution: null }
  return record({ id: `restore:${backup}`, ...about, outcome: 'done', detail: { backup, resume, ...counts } })
}
