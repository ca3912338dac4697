import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

/**
 * Gives SQL the function `digest(id)`: the first 16 bytes of the SHA-256 of an id. An index of these stays in the page cache four
 * times as long as one of the ids themselves, which come in no order, so that each message would have to read a page of it.
 */
export function giveDigest(db: DatabaseSync): void {
  db.function('digest', { deterministic: true, directOnly: true }, id =>
    hash('sha256', String(id), 'buffer').subarray(0, 16)
  )
}
