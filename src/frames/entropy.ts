import { randomFillSync } from 'node:crypto'
import { V7Generator } from 'uuidv7'

/** Ids and randomness as the rooms see them: handed in, so that a test can fix them. */
export interface Entropy {
  /** A new UUIDv7 (RFC 9562): unique, and sorted by the time it was made. */
  id(): string
  /** `size` unpredictable bytes. */
  bytes(size: number): Buffer
}

/** Asks the system for many bytes at a time, as `crypto.randomUUID` does: asking for each frame's salt alone costs more than its hash. */
function pooled(): Entropy['bytes'] {
  const pool = Buffer.alloc(4_096)
  let used = pool.length
  return size => {
    if (size > pool.length) return randomFillSync(Buffer.alloc(size))
    if (used + size > pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const bytes = Buffer.from(pool.subarray(used, used + size))
    pool.fill(0, used, used + size)
    used += size
    return bytes
  }
}

/** The same for numbers, of which an id takes several. */
function pooledNumbers(): () => number {
  const pool = new Uint32Array(256)
  let used = pool.length
  return () => {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    return pool[used++] as number
  }
}

const bytes = pooled()
const ids = new V7Generator({ nextUint32: pooledNumbers() })

/** The machine's own randomness. */
export const systemEntropy: Entropy = { id: () => ids.generate().toString(), bytes }
