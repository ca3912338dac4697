import type { Clock } from '../../frames/clock.ts'
import { Failure } from '../../frames/failure.ts'

/** Below this share of the file system, and below this many bytes of it, no new message is taken. */
const floorShare = 0.05
const floorBytes = 512 * 1024 ** 2

const measureEveryMs = 1_000

/** Measures a file system, as `fs.statfsSync` does: blocks free for us, blocks in all, and the size of one. */
export type Statfs = (path: string) => { bavail: number; blocks: number; bsize: number }

/** How much room the file system of the store has left, in bytes, and how little is too little. */
export interface FreeSpace {
  measure(): { free: number; floor: number }
  /** Throws STORE_UNAVAILABLE when there is too little room for a new message; looks at the disk at most once a second. */
  check(): void
}

/** Keeps room for the work already accepted: what runs must be able to end when the disk fills up. */
export function createFreeSpace(dir: string, clock: Clock, statfs: Statfs): FreeSpace {
  let measuredAt = Number.NEGATIVE_INFINITY
  let shortage: unknown = null

  function measure(): { free: number; floor: number } {
    const { bavail, blocks, bsize } = statfs(dir)
    return { free: bavail * bsize, floor: Math.min(blocks * bsize * floorShare, floorBytes) }
  }

  function look(): unknown {
    try {
      const { free, floor } = measure()
      return free < floor ? new Error('the disk is nearly full') : null
    } catch (error) {
      return error
    }
  }

  return {
    measure,
    check() {
      if (clock.monotonic() - measuredAt >= measureEveryMs) {
        shortage = look()
        measuredAt = clock.monotonic()
      }
      if (shortage !== null) throw new Failure('STORE_UNAVAILABLE', { cause: shortage })
    }
  }
}
