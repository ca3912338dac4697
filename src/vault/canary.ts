import { createHmac, type KeyObject } from 'node:crypto'

const mostKnown = 100

/**
 * A token that stands in the instructions of one message's turns and has no business anywhere else. It is derived, so that it is kept
 * nowhere and the same message always gets the same one.
 */
export function canaryOf(indexKey: KeyObject, tenant: string, execution: string): string {
  const digest = createHmac('sha256', indexKey).update(`canary\0${tenant}\0${execution}`)
  return digest.digest('hex').slice(0, 24)
}

/** Makes canaries, and remembers the last ones: each turn of a message asks for its own again. */
export function createCanaries(indexKey: KeyObject): (tenant: string, execution: string) => string {
  const known = new Map<string, string>()
  return (tenant, execution) => {
    const name = `${tenant}\0${execution}`
    const found = known.get(name)
    if (found !== undefined) return found
    const canary = canaryOf(indexKey, tenant, execution)
    if (known.size >= mostKnown) known.clear()
    known.set(name, canary)
    return canary
  }
}
