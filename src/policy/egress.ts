import type { Execution } from '../frames/execution.ts'
import { createKnownSecrets, type KnownSecrets, type Reading, readingsOf } from './known-secrets.ts'

/** What a text must not carry away: a secret, or the canary, which shows that the instructions are being told. */
export type Forbidden = 'secret' | 'canary'

/** Judges texts before they leave, and before they enter a frame (safety rule 3.8). */
export interface Egress {
  /** What a text that was made for an execution holds and must not, or null. */
  find(text: string, execution: Pick<Execution, 'id' | 'tenant'>): Forbidden | null
  /** Whether a text holds a secret that this process knows. */
  holdsSecret(text: string): boolean
}

/** Stands where something was withheld. */
export const withheldMark = '[withheld]'

/** Why a call was not made that would have carried something away: a code for the frame, and words for the model. */
export const withheldCall = {
  code: 'SECRET_WITHHELD',
  result: 'A secret of this server was in it, so it was not done. Say so, and do not try to get around it.'
}

/** Why a result is not shown. */
export const withheldResult = {
  code: 'OUTPUT_WITHHELD',
  result: `${withheldMark} The answer of the tool held a secret of this server, so nothing of it is shown. Say so.`
}

// A message is looked at several times, and its texts twice: when they are written, and before they leave.
const mostCanaries = 100
const mostRead = 100
const longestRead = 4_096

/** Makes the judge of what this process knows. */
export function createEgress(parts: {
  known: Pick<KnownSecrets, 'areIn'>
  canaryOf: (tenant: string, execution: string) => string
}): Egress {
  const { known, canaryOf } = parts
  const canaries = new Map<string, KnownSecrets>()
  const lately = new Map<string, readonly Reading[]>()

  function read(text: string): readonly Reading[] {
    const before = lately.get(text)
    if (before !== undefined) return before
    const readings = viewsOf(text).flatMap(readingsOf)
    if (lately.size >= mostRead) lately.clear()
    if (text.length <= longestRead) lately.set(text, readings)
    return readings
  }

  function canaryFor({ id, tenant }: Pick<Execution, 'id' | 'tenant'>): KnownSecrets {
    const found = canaries.get(id)
    if (found !== undefined) return found
    const canary = createKnownSecrets()
    canary.add(canaryOf(tenant, id))
    if (canaries.size >= mostCanaries) canaries.clear()
    canaries.set(id, canary)
    return canary
  }

  return {
    holdsSecret: text => known.areIn(read(text)),
    find(text, execution) {
      const readings = read(text)
      if (canaryFor(execution).areIn(readings)) return 'canary'
      return known.areIn(readings) ? 'secret' : null
    }
  }
}

/** A text, and where it is JSON its values one after the other, and its names: what is cut into fields is still read together. */
function viewsOf(text: string): string[] {
  if (!/^\s*[[{]/.test(text)) return [text]
  try {
    return [text, ...wordsOf(JSON.parse(text))]
  } catch {
    return [text]
  }
}

/** Walked without recursion: nobody has looked yet how deep it is. */
function wordsOf(root: unknown): [string, string] {
  const [values, names]: [string[], string[]] = [[], []]
  const waiting = [root]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (typeof next !== 'object' || next === null) values.push(String(next))
    else {
      if (!Array.isArray(next)) names.push(...Object.keys(next))
      waiting.push(...Object.values(next).reverse())
    }
  }
  return [values.join(' '), names.join(' ')]
}
