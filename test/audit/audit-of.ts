import { createHash } from 'node:crypto'
import { createAuditOf } from '../../src/audit/records.ts'
import { taskTools } from '../../src/tools/tasks.ts'

/** What stands in a record for a value of a frame, made without our own code: by its salt, which goes when the frame is erased. */
export function fingerprint({ salt }: { readonly salt: string }, json: string): string {
  const hash = createHash('sha256').update(Buffer.from(salt, 'base64url')).update('fingerprint').update(json)
  return hash.digest('hex').slice(0, 32)
}

/** What is told of frames, with the built-in tools. */
export const auditOf = createAuditOf({
  classOf: name => taskTools.find(each => each.name === name)?.class ?? null
})
