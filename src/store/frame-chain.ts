import { type ChainFlaw, checkChain } from '../frames/frame.ts'
import { noTail } from '../frames/tail.ts'
import type { ExecutionEntry } from './transfer.ts'

/** Where the frames of an execution are not as they were written: at which position, and what is wrong there. */
export interface FrameFlaw {
  readonly n: number
  readonly flaw: ChainFlaw['flaw'] | 'text' | 'end'
}

/**
 * Checks the frames of an execution, as the texts that are kept, and names the first flaw, or null. A purged one has none, and keeps
 * the end of its chain.
 */
export function flawInFrames({
  id,
  frames,
  n,
  hash,
  purged
}: Pick<ExecutionEntry, 'id' | 'frames' | 'n' | 'hash' | 'purged'>): FrameFlaw | null {
  if (purged) return frames.length === 0 ? null : { n: 1, flaw: 'end' }
  const chain: Parameters<typeof checkChain>[0][number][] = []
  for (const [i, json] of frames.entries()) {
    const frame = parse(json)
    if (frame === null) return { n: i + 1, flaw: 'text' }
    chain.push(frame)
  }
  if (chain[0] !== undefined && chain[0].execution !== id) return { n: 1, flaw: 'execution' }
  const flaw = checkChain(chain)
  if (flaw !== null) return flaw
  const last = chain.at(-1) ?? noTail
  return chain.length === n && last.hash === hash ? null : { n: Math.min(chain.length, n) + 1, flaw: 'end' }
}

function parse(json: string): Parameters<typeof checkChain>[0][number] | null {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}
