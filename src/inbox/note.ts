import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Execution } from '../frames/execution.ts'
import { type Draft, type Frame, makeFrame } from '../frames/frame.ts'
import { noTail } from '../frames/tail.ts'
import type { Store } from '../store/store.ts'

/**
 * Adds a note to an execution that somebody else may be working on. `write` sees the newest frames and answers the note, or null
 * when it is not needed any more. False when nothing was added.
 */
export async function addNote(
  parts: { store: Store; clock: Clock; entropy: Entropy },
  execution: Execution,
  write: (frames: readonly Frame[]) => Draft | null
): Promise<boolean> {
  let current: Execution | null = execution
  // A purged execution has a place in the chain and no frames: nothing can be noted there.
  while (current !== null && current.frames.length === current.n) {
    const draft = write(current.frames)
    if (draft === null) return false
    const frame = makeFrame(current.id, current.frames.at(-1) ?? noTail, draft, parts) as Frame
    if (await parts.store.note(current.id, frame)) return true
    current = await parts.store.read(current.id)
  }
  return false
}
