import { checkChain, noTail } from '../frames/frame.ts'
import type { ExecutionEntry } from '../store/transfer.ts'

/** Whether the frames of an execution are all there and their chain is whole. A purged one has none, and keeps the end of its chain. */
export function isWhole({ id, frames, n, hash, purged }: ExecutionEntry): boolean {
  if (purged) return frames.length === 0
  const chain = parse(frames)
  if (chain === null || chain.length !== n) return false
  const isOurs = chain[0] === undefined || chain[0].execution === id
  return isOurs && (chain.at(-1) ?? noTail).hash === hash && checkChain(chain) === null
}

function parse(frames: readonly string[]): Parameters<typeof checkChain>[0] | null {
  try {
    return frames.map(json => JSON.parse(json))
  } catch {
    return null
  }
}
