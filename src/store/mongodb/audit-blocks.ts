import { type Collection, type Filter, ReadConcern } from 'mongodb'
import type { Clock } from '../../frames/clock.ts'
import { type AuditBlock, type AuditHead, type BlockContent, blockAfter, noBlock } from '../audit-block.ts'
import { auditPerPass } from '../rules.ts'
import type { AuditDoc, BlockDoc, Collections } from './collections.ts'
import { isDuplicate } from './connection.ts'

const perBlock = 1_000

/** A block stands for good: what a failover could take back must not be in it. */
const whatStays = { readConcern: new ReadConcern('majority') }

type Sealable = Pick<AuditDoc, '_id' | 'hash' | 'at' | 'execution'>

export type Sealer = ReturnType<typeof createSealer>

/**
 * Seals and expires. Any replica may: `_id` is unique, so a chain cannot fork. Whoever makes block n has marked the records of block
 * n - 1 before it looked for unsealed ones, so none gets into two blocks, and who dies before it marks leaves that to the next.
 */
export function createSealer({ audit, audit_blocks: blocks, executions }: Collections, clock: Clock) {
  async function mark(block: AuditBlock): Promise<void> {
    const ids = idsIn(block)
    if (ids.length === 0) return
    const sealed = { $set: { block: block.n }, $unset: { unsealed: 1 as const } }
    await audit.updateMany({ _id: { $in: ids }, unsealed: true }, sealed)
  }

  async function contentOf(records: readonly Sealable[]): Promise<BlockContent> {
    const about = [...new Set(records.map(({ execution }) => execution).filter(id => id !== null))]
    const found = await executions
      .find({ _id: { $in: about } }, { projection: { n: 1, hash: 1 }, ...whatStays })
      .toArray()
    return {
      records: records.map(({ _id, hash }) => [_id, hash]),
      executions: found.map(({ _id, n, hash }) => [_id, n, hash])
    }
  }

  /** Makes the next block; null where nothing is left, or somebody else was first. */
  async function sealNext(tenant: string, before: AuditBlock | typeof noBlock): Promise<AuditBlock | null> {
    const records = await audit
      .find<Sealable>(
        { tenant, unsealed: true },
        {
          projection: { hash: 1, at: 1, execution: 1 },
          hint: 'unsealed',
          sort: { at: 1 },
          limit: perBlock,
          ...whatStays
        }
      )
      .toArray()
    if (records.length === 0) return null
    const latest = records.at(-1)?.at.getTime() ?? 0
    const block = blockAfter(before, { tenant, content: await contentOf(records), latest, now: clock.now() })
    try {
      await blocks.insertOne({ _id: `${tenant}:${block.n}`, ...block })
    } catch (error) {
      if (isDuplicate(error)) return null
      throw error
    }
    await mark(block)
    return block
  }

  async function seal(tenant: string): Promise<number> {
    let before = await newest(blocks, tenant)
    if (before !== null) await mark(before)
    let sealed = 0
    // What comes meanwhile waits for the next pass.
    for (;;) {
      const block = await sealNext(tenant, before ?? noBlock)
      sealed += block?.count ?? 0
      if (block === null || block.count < perBlock) return sealed
      before = block
    }
  }

  /** Deletes the records of the oldest block that is past its time; null where there is none. */
  async function expire(tenant: string, before: number): Promise<number | null> {
    const oldest = await blocks.findOne({ tenant, content: { $exists: true } }, { sort: { n: 1 } })
    if (oldest === null || oldest.until >= before) return null
    const { deletedCount } = await audit.deleteMany({ _id: { $in: idsIn(toBlock(oldest)) }, tenant, block: oldest.n })
    // What is left of it and of those before it: the one root that the chain goes on from.
    await blocks.updateOne({ _id: oldest._id }, { $unset: { content: 1 } })
    await blocks.deleteMany({ tenant, n: { $lt: oldest.n } })
    return deletedCount
  }

  return {
    /** Seals what there is; answers how many records. */
    async seal(): Promise<number> {
      let sealed = 0
      for (const tenant of await unsealedTenants(audit)) sealed += await seal(tenant)
      return sealed
    },
    /** Deletes records whose block is past its time as a whole, and what of those blocks nobody needs. */
    async deleteAudit(before: number): Promise<void> {
      for (const tenant of await tenantsIn(blocks)) {
        for (let deleted = 0; deleted < auditPerPass; ) {
          const more = await expire(tenant, before)
          if (more === null) break
          deleted += more
        }
      }
    },
    heads: () => headsIn(blocks),
    /** How long ago the oldest unsealed record was told, ms; 0 where there is none. */
    async unsealedMs(): Promise<number> {
      const oldest = await Promise.all(
        (await unsealedTenants(audit)).map(tenant =>
          audit.findOne({ tenant, unsealed: true }, { hint: 'unsealed', sort: { at: 1 } })
        )
      )
      const now = clock.now()
      return Math.max(0, ...oldest.map(record => now - (record?.at.getTime() ?? now)))
    }
  }
}

/** The newest block of each tenant. */
export async function headsIn(blocks: Collections['audit_blocks']): Promise<AuditHead[]> {
  const found = await Promise.all((await tenantsIn(blocks)).map(tenant => newest(blocks, tenant)))
  return found.filter(block => block !== null).map(({ tenant, n, hash, at }) => ({ tenant, n, hash, at }))
}

/** A block as it is kept, without its id. */
export function toBlock({ _id, content, ...said }: BlockDoc): AuditBlock {
  return { ...said, content: content ?? null }
}

/** Whose blocks, or records, there are: few, so each is found by one step along the index. */
export function tenantsIn<D extends { tenant: string }>(collection: Collection<D>): Promise<string[]> {
  const options = { projection: { tenant: 1 }, sort: { tenant: 1 } } as const
  return along(after => collection.findOne({ tenant: { $gt: after } } as Filter<D>, options))
}

function unsealedTenants(audit: Collections['audit']): Promise<string[]> {
  const options = { projection: { tenant: 1 }, hint: 'unsealed', sort: { tenant: 1 } } as const
  return along(after => audit.findOne({ tenant: { $gt: after }, unsealed: true }, options))
}

async function along(next: (after: string) => Promise<{ tenant: string } | null>): Promise<string[]> {
  const found: string[] = []
  for (let one = await next(''); one !== null; one = await next(one.tenant)) found.push(one.tenant)
  return found
}

async function newest(blocks: Collections['audit_blocks'], tenant: string): Promise<AuditBlock | null> {
  const doc = await blocks.findOne({ tenant }, { sort: { n: -1 } })
  return doc === null ? null : toBlock(doc)
}

/** The ids of the records of a block; none once retention took them away. */
export function idsIn({ content }: Pick<AuditBlock, 'content'>): string[] {
  return content === null ? [] : (JSON.parse(content) as BlockContent).records.map(([id]) => id)
}
