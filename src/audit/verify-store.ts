import type { AuditBlock } from '../store/audit-block.ts'
import type { AuditSource } from '../store/audit-source.ts'
import type { AuditEntry } from '../store/transfer.ts'
import { type CheckedChain, contentOf, createChainCheck } from './check-chain.ts'
import { checkFrames, checkStandings, type OpenFrames } from './check-frames.ts'
import { checkHeads } from './check-heads.ts'
import { checkMarks } from './check-marks.ts'
import { incomplete, type Tell } from './finding.ts'
import type { HeadsFile } from './heads-file.ts'

/** What a verification goes by. Instants are ms. */
export interface VerifyRules {
  /** All where it is not given. */
  readonly tenant?: string | undefined
  /** The first block of each chain that is looked at. */
  readonly from: number
  /** Read before the store, which may go on meanwhile. */
  readonly files: readonly HeadsFile[]
  readonly publicKey: string | null
  /** Opens what is sealed in frames; null where the master key is not there. */
  readonly open: OpenFrames | null
  readonly expiredBefore: number
  readonly now: number
  readonly tell: Tell
}

/** What was looked at. */
export interface Verified {
  readonly chains: readonly CheckedChain[]
  readonly executions: number
}

/** Checks everything that the audit of a store promises, also while servers work on it, and tells what it finds. */
export async function verifyStore(source: AuditSource, rules: VerifyRules): Promise<Verified> {
  const { tenant: only, files, publicKey, tell } = rules
  if (files.length === 0)
    tell(incomplete('The file of heads', 'is not there: that the end of a chain was cut off would not be seen'))
  if (rules.open === null)
    tell(incomplete('The master key', 'is not there: that what is sealed in a frame was changed would not be seen'))
  const heads = checkHeads(files, publicKey, tell)
  const tenants = [...new Set([...(await source.tenants()), ...heads.keys()])].sort()
  const chains: CheckedChain[] = []
  for (const tenant of tenants.filter(each => only === undefined || each === only)) {
    const check = createChainCheck({ ...rules, tenant, heads })
    for await (const block of source.blocks(tenant, rules.from)) {
      check.add(block, await recordsOf(source, block))
      const content = contentOf(block)
      if (content !== null) await checkStandings(source, content, tell)
    }
    chains.push(check.end())
  }
  await checkMarks(source, chains, rules)
  return { chains, executions: await checkFrames(source, { tenant: only, open: rules.open, tell }) }
}

async function recordsOf(source: AuditSource, block: AuditBlock): Promise<ReadonlyMap<string, AuditEntry>> {
  const ids = contentOf(block)?.records.map(([id]) => id) ?? []
  const found = ids.length === 0 ? [] : await source.records(ids)
  return new Map(found.map(record => [record.id, record]))
}
