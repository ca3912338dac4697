import type { AuditSource } from '../store/audit-source.ts'
import { type CheckedChain, contentOf } from './check-chain.ts'
import { incomplete, type Tell, tampered } from './finding.ts'

/** A record is sealed within seconds. */
const unsealedMs = 60_000
/** So many are named, and the others counted. */
const named = 10

/**
 * Looks at all records of the tenants whose chains were checked: for those that claim to be in a block and are not, and for those that
 * have been in none for long.
 */
export async function checkMarks(
  source: AuditSource,
  chains: readonly CheckedChain[],
  { from, now, tell }: { from: number; now: number; tell: Tell }
): Promise<void> {
  const byTenant = new Map(chains.map(chain => [chain.tenant, { chain, claimed: new Map<number, number>() }]))
  const unsealed: string[] = []
  for await (const { id, tenant, at, block } of source.marks()) {
    const of = byTenant.get(tenant)
    if (of === undefined) continue
    if (block === null) {
      if (at < now - unsealedMs) unsealed.push(id)
    } else if (block >= from && block <= of.chain.last.n) {
      of.claimed.set(block, (of.claimed.get(block) ?? 0) + 1)
    }
  }
  for (const { chain, claimed } of byTenant.values()) {
    const suspects = [...claimed].filter(([n, count]) => count > (chain.found.get(n) ?? 0)).map(([n]) => n)
    if (suspects.length > 0) await nameStrangers(source, chain.tenant, new Set(suspects), tell)
  }
  for (const id of unsealed.slice(0, named)) {
    tell(
      incomplete(
        `record ${id}`,
        'has been in no block for more than a minute: a server seals it, unless it was put there'
      )
    )
  }
  if (unsealed.length > named) tell(incomplete(`${unsealed.length - named} more records`, 'are in no block'))
}

/** Names the records that claim to be in a block whose content does not name them. */
async function nameStrangers(source: AuditSource, tenant: string, suspects: ReadonlySet<number>, tell: Tell) {
  const members = new Map<number, ReadonlySet<string>>()
  for await (const block of source.blocks(tenant, Math.min(...suspects))) {
    if (suspects.has(block.n)) members.set(block.n, new Set(contentOf(block)?.records.map(([id]) => id)))
  }
  for await (const mark of source.marks()) {
    if (mark.tenant !== tenant || mark.block === null || !suspects.has(mark.block)) continue
    if (members.get(mark.block)?.has(mark.id)) continue
    tell(
      tampered(
        `record ${mark.id}`,
        `was put there: it claims to be in block ${tenant}:${mark.block}, which does not name it`
      )
    )
  }
}
