/** Whose content it is: a user of a tenant, named by the lane of their conversation. */
export interface Owner {
  readonly tenant: string
  readonly user: string
}

/** Bytes, and the place they are kept in: what was sealed for one place does not open at another. */
export interface Piece {
  readonly place: string
  readonly bytes: Uint8Array
}

/** Seals what people say before it is kept. `vault/content-keys.ts` does it under a key of each owner. */
export interface Sealing {
  /** Throws KEY_UNAVAILABLE where there is no key to seal with. */
  seal(owner: Owner, pieces: readonly Piece[]): Promise<Buffer[]>
  /** Null for a piece whose key was destroyed. Throws KEY_UNAVAILABLE where a key is not there, CONTENT_DAMAGED for what is not as it was sealed. */
  open(owner: Owner, pieces: readonly Piece[]): Promise<(Buffer | null)[]>
}

/** The user under whom the keys of an owner are kept, in the tenant `server`. */
export function keyUserOf({ tenant, user }: Owner): string {
  return `${tenant}/${user}`
}
