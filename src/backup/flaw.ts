import { isSound } from '../store/audit-block.ts'
import { isUnchanged } from '../store/audit-entry.ts'
import type { Entry } from '../store/transfer.ts'
import { isWhole } from './chain.ts'
import type { Flaw } from './format.ts'

/** What is broken in an entry: its frames are not whole, or it is a block or an audit record that was changed. Null where nothing is. */
export function flawIn(entry: Entry): Flaw | null {
  switch (entry.type) {
    case 'execution':
      return isWhole(entry) ? null : { type: 'execution', id: entry.id }
    case 'block':
      return isSound(entry) ? null : { type: 'block', id: `${entry.tenant}:${entry.n}` }
    case 'audit':
      return isUnchanged(entry) ? null : { type: 'audit', id: entry.id }
    default:
      return null
  }
}
