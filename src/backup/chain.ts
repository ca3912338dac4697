import { flawInFrames } from '../store/frame-chain.ts'
import type { ExecutionEntry } from '../store/transfer.ts'

/** Whether the frames of an execution are all there and their chain is whole. */
export function isWhole(entry: ExecutionEntry): boolean {
  return flawInFrames(entry) === null
}
