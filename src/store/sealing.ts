import type { Envelope } from '../frames/cipher.ts'

/** Whose content it is: a user of a tenant, named by the lane of their conversation. */
export interface Owner {
  readonly tenant: string
  readonly user: string
}

/** Content, and the place it is kept in: what was sealed for one place does not open at another. */
export interface Unsealed {
  readonly place: string
  readonly content: string | Uint8Array
}

/** Sealed bytes, and the place they are kept in. */
export interface Piece {
  readonly place: string
  readonly bytes: Uint8Array
}

/** Seals what people say before it is kept. `vault/content-keys.ts` does it under a key of each owner. */
export interface Sealing {
  /** Puts content to the key of its owner. Throws KEY_UNAVAILABLE where there is none to seal with. */
  enclose(owner: Owner, pieces: readonly Unsealed[]): Promise<Envelope[]>
  /** Seals what was enclosed. */
  close(envelope: Envelope): Buffer
  /** Null for a piece whose key was destroyed. Throws KEY_UNAVAILABLE where a key is not there, CONTENT_DAMAGED for what is not as it was sealed. */
  open(owner: Owner, pieces: readonly Piece[]): Promise<(Buffer | null)[]>
}

/** The user under whom the keys of an owner are kept, in the tenant `server`. */
export function keyUserOf({ tenant, user }: Owner): string {
  return `${tenant}/${user}`
}
