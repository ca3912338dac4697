import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'

/**
 * Gives SQL the function `digest(id)`: the first 22 characters (132 bits) of the SHA-256 of an id as base64url. An index of these
 * stays in the page cache three times as long as one of the ids themselves, which come in no order, so that each message would have
 * to read a page of it.
 */
export function giveDigest(db: DatabaseSync): void {
  db.function('digest', { deterministic: true, directOnly: true }, id =>
    hash('sha256', String(id), 'base64url').slice(0, 22)
  )
}
