import { isUnchanged } from '../store/audit-entry.ts'
import type { Entry } from '../store/transfer.ts'
import { isWhole } from './chain.ts'
import type { Flaw } from './format.ts'

/** What is broken in an entry: its frames are not whole, or it is an audit record that was changed. Null where nothing is. */
export function flawIn(entry: Entry): Flaw | null {
  if (entry.type === 'execution') return isWhole(entry) ? null : { type: 'execution', id: entry.id }
  return entry.type !== 'audit' || isUnchanged(entry) ? null : { type: 'audit', id: entry.id }
}
