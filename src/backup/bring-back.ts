import type { Entry, ExecutionEntry } from '../store/transfer.ts'

/** How a backup comes back. `contentMs`: how long what ends by the restore keeps its content. */
export interface BringBack {
  /** The source was stopped before it was backed up: what was open there may go on here. */
  readonly resume: boolean
  readonly now: number
  readonly contentMs: number
}

const unended: ReadonlySet<string> = new Set(['queued', 'running', 'parked'])

/** Whether an execution had not come to an end when it was backed up. */
export function isUnended({ state }: Pick<ExecutionEntry, 'state'>): boolean {
  return unended.has(state)
}

/**
 * An entry as it is restored, or null for one that stays away. Without `resume` the source may have gone on: what was open there may be
 * answered by now, and is nobody's to do.
 */
export function bringBack(entry: Entry, { resume, now, contentMs }: BringBack): Entry | null {
  if (entry.type === 'record') return resume || !isReconcilerMark(entry) ? entry : null
  if (entry.type !== 'execution' || !isUnended(entry)) return entry
  if (resume) return entry.state === 'running' ? { ...entry, state: 'queued' } : entry
  const isAsking = entry.approval?.state === 'pending'
  return {
    ...entry,
    state: 'unknown',
    order: null,
    claims: 0,
    approval: isAsking ? null : entry.approval,
    timerAt: null,
    purgeAt: now + contentMs
  }
}

/** Until when messages were asked for at Twilio. Without it only those are that come from now on: the source may have answered the others. */
function isReconcilerMark({ user, kind }: { user: string; kind: string }): boolean {
  return user === 'server' && kind === 'reconciler'
}
