import { randomBytes } from 'node:crypto'
import { uuidv7 } from 'uuidv7'

/** Ids and randomness as the rooms see them: handed in, so that a test can fix them. */
export interface Entropy {
  /** A new UUIDv7 (RFC 9562): unique, and sorted by the time it was made. */
  id(): string
  /** `size` unpredictable bytes. */
  bytes(size: number): Buffer
}

/** The machine's own randomness. */
export const systemEntropy: Entropy = { id: uuidv7, bytes: randomBytes }
