import { hash as sha } from 'node:crypto'
import { jcs, jcsHash } from '../frames/jcs.ts'

/** A stretch of a tenant's audit records, linked to the one before it: none of them can be changed, removed or added afterwards unseen. */
export interface AuditBlock {
  readonly tenant: string
  /** Counts from 1 without gaps. */
  readonly n: number
  /** The hash of the block before it; zeros before the first. */
  readonly previous: string
  /** When it was made, ms since the epoch. */
  readonly at: number
  /** The instant (ms) of the newest record up to here, which no clock that was ahead moves past `at`: it never decreases, and retention goes by it. */
  readonly until: number
  /** How many records are in it. */
  readonly count: number
  /** SHA-256 (hex) of `content`. It stays when retention takes the records away. */
  readonly root: string
  /** A `BlockContent` as JSON: the very text that `root` is over. Null once retention took the records away. */
  readonly content: string | null
  /** SHA-256 (hex) of the canonical JSON of everything above but `content`. */
  readonly hash: string
}

/** What a block holds: records in their order, and where the executions they tell of stood by then. */
export interface BlockContent {
  readonly records: readonly (readonly [id: string, hash: string])[]
  readonly executions: readonly (readonly [id: string, n: number, hash: string])[]
}

/** The newest block of a tenant: whoever knows it knows the whole chain. */
export type AuditHead = Pick<AuditBlock, 'tenant' | 'n' | 'hash' | 'at'>

/** What stands before the first block. */
export const noBlock = { n: 0, hash: '0'.repeat(64), until: 0 } as const

/** Makes the block after another. `latest` is the instant of the newest of its records, `now` the time, both in ms. */
export function blockAfter(
  before: Pick<AuditBlock, 'n' | 'hash' | 'until'>,
  made: { tenant: string; content: BlockContent; latest: number; now: number }
): AuditBlock & { readonly content: string } {
  const { tenant, now } = made
  const content = jcs(made.content)
  const said = {
    tenant,
    n: before.n + 1,
    previous: before.hash,
    at: now,
    until: Math.max(before.until, Math.min(made.latest, now)),
    count: made.content.records.length,
    root: rootOf(content)
  }
  return { ...said, content, hash: blockHashOf(said) }
}

/** The hash of a block: over what it says, and over its content by the root alone. Throws for what is not JSON. */
export function blockHashOf(block: Omit<AuditBlock, 'content' | 'hash'>): string {
  const { tenant, n, previous, at, until, count, root } = block
  return jcsHash({ tenant, n, previous, at, until, count, root })
}

/** The hash of the content of a block, as the text that is kept. */
export function rootOf(content: string): string {
  return sha('sha256', content, 'hex')
}

/** Whether a block says what its hash is over, and holds what its root is over. */
export function isSound(block: AuditBlock): boolean {
  try {
    return blockHashOf(block) === block.hash && (block.content === null || rootOf(block.content) === block.root)
  } catch {
    return false
  }
}
