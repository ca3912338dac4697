import type { AuditRecord } from '../store/audit.ts'
import { record } from './record.ts'

/** Tells that a voice note is about to be deleted at the other side, or was: each once, however often it is tried. */
export function mediaAct(
  tenant: string,
  { execution, attachment, media }: { execution: string; attachment: number; media: string },
  isDone: boolean,
  now: number
): AuditRecord {
  const at = new Date(now).toISOString()
  const about = { tenant, at, actor: 'server', action: 'media.delete', execution }
  const id = `${execution}:media-${attachment}:${isDone ? 'outcome' : 'intent'}`
  return record({ id, ...about, outcome: isDone ? 'done' : null, detail: { attachment, media } })
}
