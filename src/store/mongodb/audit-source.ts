import type { AuditSource, FrameChain, Standing } from '../audit-source.ts'
import { patiently } from '../patience.ts'
import { keyUserOf } from '../sealing.ts'
import { auditKey } from '../transfer.ts'
import { headsIn, tenantsIn } from './audit-blocks.ts'
import type { AuditDoc, ExecutionDoc } from './collections.ts'
import { chainOf, toEntry } from './dump-audit.ts'
import { openForReading } from './reading.ts'
import { idOf } from './records.ts'
import { walk } from './walk.ts'

/**
 * Opens the audit of the store on a replica set. Rejects with STORE_UNAVAILABLE where nobody answers, and with a plain Error for a URI
 * that cannot be read and for a database that holds no store of this version.
 */
export async function openMongoAuditSource(uri: string): Promise<AuditSource> {
  const { reach, collections, close } = await openForReading(uri)
  const { audit, audit_blocks: blocks, executions, records } = collections
  const ask = <T>(call: () => Promise<T>): Promise<T> => patiently(() => reach(call))

  return {
    tenants: async () =>
      [...new Set((await Promise.all([ask(() => tenantsIn(blocks)), ask(() => tenantsIn(audit))])).flat())].sort(),
    heads: () => ask(() => headsIn(blocks)),
    blocks: (tenant, from) => chainOf(reach, blocks, tenant, from),
    async records(ids) {
      const docs = await ask(() => audit.find({ _id: { $in: [...ids] } }).toArray())
      return docs.map(doc => toEntry(doc, doc.block ?? null))
    },
    async *marks() {
      type Doc = Pick<AuditDoc, '_id' | 'tenant' | 'at' | 'block'>
      const docs = walk<Doc>(reach, after =>
        audit
          .find(after === null ? {} : { _id: { $gt: after._id } })
          .project<Doc>({ tenant: 1, at: 1, block: 1 })
          .sort({ _id: 1 })
      )
      for await (const { _id: id, tenant, at, block = null } of docs) yield { id, tenant, at: at.getTime(), block }
    },
    async standings(asked) {
      const wanted = new Map(asked.map(({ id, n }) => [id, n]))
      const docs = await ask(() =>
        executions.find({ _id: { $in: [...wanted.keys()] } }, { projection: asFrames }).toArray()
      )
      return docs.map(doc => standingOf(doc, wanted.get(doc._id) ?? 0))
    },
    async *executions() {
      const docs = walk<ExecutionDoc>(reach, after =>
        executions
          .find(after === null ? {} : { _id: { $gt: after._id } })
          .project<ExecutionDoc>(asFrames)
          .sort({ _id: 1 })
      )
      for await (const doc of docs) yield chainIn(doc)
    },
    async contentKeys(owner) {
      const docs = await ask(() => records.find({ tenant: 'server', user: keyUserOf(owner), kind: 'key' }).toArray())
      return docs.map(({ id, data }) => ({ id, data: JSON.parse(data) }))
    },
    async key() {
      const record = await ask(() => records.findOne({ _id: idOf(auditKey) }))
      return record === null ? null : JSON.parse(record.data)
    },
    close
  }
}

const asFrames = { tenant: 1, lane: 1, n: 1, hash: 1, frames: 1, purged: 1 } as const

function standingOf({ _id: id, n, hash, purged, frames }: ExecutionDoc, at: number): Standing {
  return { id, n, hash, purged: purged === true, at: hashIn(frames[at - 1]) }
}

function chainIn({ _id: id, tenant, lane, n, hash, purged, frames }: ExecutionDoc): FrameChain {
  return { id, tenant, lane, n, hash, purged: purged === true, frames }
}

/** Frames that were changed by hand need not be JSON any more. */
function hashIn(json: unknown): string | null {
  try {
    return JSON.parse(String(json)).hash ?? null
  } catch {
    return null
  }
}
