import { createHmac } from 'node:crypto'
import { createAuditOf } from '../../src/audit/records.ts'
import { taskTools } from '../../src/tools/tasks.ts'

/** The keyed hash of a text in the tests. */
export function fingerprint(text: string): string {
  return createHmac('sha256', 'the key of the tests').update(text).digest('base64url').slice(0, 22)
}

/** What is told of frames, with the built-in tools. */
export const auditOf = createAuditOf({
  fingerprint,
  classOf: name => taskTools.find(each => each.name === name)?.class ?? null
})
