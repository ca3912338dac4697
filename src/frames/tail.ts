/** The end of a chain: what the next frame hangs on. */
export type Tail = { readonly n: number; readonly hash: string }

/** The tail of an execution that has no frame yet. */
export const noTail: Tail = { n: 0, hash: '0'.repeat(64) }
