import { createHmac, type KeyObject } from 'node:crypto'

/**
 * A token that stands in the instructions of one message's turns and has no business anywhere else. It is derived, so that it is kept
 * nowhere and the same message always gets the same one.
 */
export function canaryOf(indexKey: KeyObject, tenant: string, execution: string): string {
  const digest = createHmac('sha256', indexKey).update(`canary\0${tenant}\0${execution}`)
  return digest.digest('hex').slice(0, 24)
}
