import { type AuditBlock, type BlockContent, blockHashOf, noBlock, rootOf } from '../store/audit-block.ts'
import { isUnchanged } from '../store/audit-entry.ts'
import type { AuditEntry } from '../store/transfer.ts'
import type { Heads } from './check-heads.ts'
import { incomplete, type Tell, tampered } from './finding.ts'

/** Servers sign each hour: a block in no head by then was signed nowhere, or the head was removed. */
const unsignedMs = 2 * 3_600_000

/** What a chain is checked by. Instants are ms. */
export interface ChainRules {
  readonly tenant: string
  /** The first block that is looked at. */
  readonly from: number
  /** Records of before this may be gone: retention takes them away. */
  readonly expiredBefore: number
  readonly now: number
  readonly heads: Heads
  readonly tell: Tell
}

/** What was found in a chain. */
export interface CheckedChain {
  readonly tenant: string
  readonly first: number
  readonly last: Pick<AuditBlock, 'n' | 'hash'>
  readonly records: number
  /** The newest block of which a signed head says the same; 0 for none. */
  readonly signed: number
  /** How many records of each block were found that also claim to be in it. */
  readonly found: ReadonlyMap<number, number>
}

/** Checks the blocks of a tenant one after the other, each with those of its records that are there. */
export function createChainCheck(rules: ChainRules) {
  const { tenant, from, expiredBefore, heads, tell } = rules
  const signedHeads = heads.get(tenant) ?? new Map()
  const found = new Map<number, number>()
  const unmarked: { id: string; n: number }[] = []
  let before: AuditBlock | null = null
  let first = 0
  let records = 0
  let signed = 0
  let unsignedSince: AuditBlock | null = null

  function checkPlace(block: AuditBlock): void {
    const { n } = block
    const expected = before === null ? Math.max(1, from) : before.n + 1
    const isAfterRetention = before === null && block.content === null && block.until < expiredBefore
    if (n > expected && !isAfterRetention) tell(tampered(stretch(tenant, expected, n - 1), 'gone from the chain'))
    const link = before ?? (n === 1 ? noBlock : null)
    if (link !== null && n === link.n + 1 && block.previous !== link.hash) {
      tell(
        tampered(
          nameOf(block),
          `does not follow ${link.n === 0 ? 'from nothing' : `block ${tenant}:${link.n} as that is now`}`
        )
      )
    }
    if (before !== null && block.until < before.until) tell(tampered(nameOf(block), 'ends before the one before it'))
  }

  function checkHead(block: AuditBlock): void {
    for (const head of signedHeads.get(block.n) ?? []) {
      if (head.hash === block.hash) signed = block.n
      else tell(tampered(nameOf(block), `is not the one whose head was signed at ${head.at}`))
    }
    if (signed === block.n) unsignedSince = null
    else unsignedSince ??= block
  }

  function checkRecords(block: AuditBlock, content: BlockContent, there: ReadonlyMap<string, AuditEntry>): void {
    let marked = 0
    for (const [id, hash] of content.records) {
      const record = there.get(id)
      if (record === undefined) {
        if (block.until >= expiredBefore) tell(tampered(`record ${id}`, `is gone; it is in ${nameOf(block)}`))
        continue
      }
      if (record.hash !== hash) tell(tampered(`record ${id}`, `is not the one that ${nameOf(block)} sealed`))
      else if (!isUnchanged(record)) tell(tampered(`record ${id}`, `was changed since ${nameOf(block)} sealed it`))
      if (record.block === block.n) marked += 1
      else if (record.block === null) unmarked.push({ id, n: block.n })
      else tell(tampered(`record ${id}`, `claims to be in block ${tenant}:${record.block} and is in ${nameOf(block)}`))
    }
    found.set(block.n, marked)
    records += content.records.length
  }

  return {
    /** The next block, and its records by their ids. */
    add(block: AuditBlock, there: ReadonlyMap<string, AuditEntry>): void {
      if (before === null) first = block.n
      if (!isHashed(block)) tell(tampered(nameOf(block), 'was changed: it does not say what its hash is over'))
      checkPlace(block)
      checkHead(block)
      const content = checkContent(block, expiredBefore, tell)
      if (content !== null) checkRecords(block, content, there)
      before = block
    },
    /** Answers what was found, once there are no more. */
    end(): CheckedChain {
      const { n, hash } = before ?? { n: from - 1, hash: noBlock.hash }
      // Who made the newest block may be about to mark what is in it.
      for (const lost of unmarked.filter(each => each.n !== n)) {
        tell(tampered(`record ${lost.id}`, `claims to be in no block and is in block ${tenant}:${lost.n}`))
      }
      const newest = [...signedHeads.values()]
        .flat()
        .reduce((last, head) => (head.n > last.n ? head : last), { n: 0, at: '' })
      if (newest.n > n && newest.n >= from) {
        tell(
          tampered(
            stretch(tenant, n + 1, newest.n),
            `gone: the end of the chain was cut off, whose head was signed at ${newest.at}`
          )
        )
      }
      if (heads.size > 0 && unsignedSince !== null && unsignedSince.at < rules.now - unsignedMs) {
        tell(
          incomplete(
            stretch(tenant, unsignedSince.n, n),
            'in no head, since hours: look for other files of heads (--heads)'
          )
        )
      }
      return { tenant, first, last: { n, hash }, records, signed, found }
    }
  }
}

/** What a block holds, as far as it can be read; null for nothing. */
export function contentOf({ content }: Pick<AuditBlock, 'content'>): BlockContent | null {
  try {
    const { records, executions } = JSON.parse(content ?? '') as BlockContent
    return Array.isArray(records) && Array.isArray(executions) ? { records, executions } : null
  } catch {
    return null
  }
}

function checkContent(block: AuditBlock, expiredBefore: number, tell: Tell): BlockContent | null {
  if (block.content === null) {
    if (block.until >= expiredBefore) {
      tell(tampered(nameOf(block), 'lost its records before their time: or is RETENTION_AUDIT_DAYS more than it was?'))
    }
    return null
  }
  if (rootOf(block.content) !== block.root)
    tell(tampered(nameOf(block), 'was changed: its content is not that of its root'))
  const content = contentOf(block)
  if (content?.records.length !== block.count) tell(tampered(nameOf(block), 'does not hold as many records as it says'))
  return content
}

/** What was changed by hand need not be JSON any more. */
function isHashed(block: AuditBlock): boolean {
  try {
    return blockHashOf(block) === block.hash
  } catch {
    return false
  }
}

function nameOf({ tenant, n }: Pick<AuditBlock, 'tenant' | 'n'>): string {
  return `block ${tenant}:${n}`
}

function stretch(tenant: string, from: number, to: number): string {
  return from === to ? `block ${tenant}:${from} is` : `blocks ${tenant}:${from} to ${to} are`
}
