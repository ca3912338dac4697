import type { Counts } from '../backup/format.ts'
import { counted } from '../screen.ts'

/** What a backup holds, as a person reads it. */
export function contents({ execution, blob, audit, record }: Counts): string {
  const kinds = [counted(execution, 'execution'), counted(blob, 'blob'), counted(record, 'record')]
  return `${kinds.join(', ')} and ${counted(audit, 'audit record')}`
}
