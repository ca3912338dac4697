import { Timestamp, type UpdateFilter } from 'mongodb'
import type { Clock } from '../../frames/clock.ts'
import { forgottenAfterMs } from '../rules.ts'
import type { Swept } from '../summaries.ts'
import type { Sealer } from './audit-blocks.ts'
import type { Collections, ExecutionDoc } from './collections.ts'
import type { Lanes } from './lanes.ts'
import type { Outbox } from './outbox.ts'

/** The most of each kind of thing that one pass looks at or deletes. */
const perPass = 1_000

/** The housekeeping. Several replicas may do it at once: every step of it can be repeated. */
export function createSweeper(parts: {
  collections: Collections
  lanes: Lanes
  outbox: Outbox
  sealer: Pick<Sealer, 'deleteAudit'>
  clock: Clock
  auditMs: number | undefined
  serverNow: () => Promise<number>
}) {
  const { collections, lanes, outbox, sealer, clock, auditMs, serverNow } = parts
  const { executions, blobs, limits } = collections
  // Where the last pass stopped: a long backlog is walked through in turns, so that its far end is not forgotten.
  let from = new Timestamp(0n)

  async function ringForgotten(): Promise<number> {
    const until = timestampAt((await serverNow()) - forgottenAfterMs)
    const waiting = await executions
      .find({ open: true, ord: { $gt: from, $lte: until } }, { projection: { lane: 1, tenant: 1, ord: 1 } })
      .sort({ ord: 1 })
      .limit(perPass)
      .toArray()
    from = waiting.length < perPass ? new Timestamp(0n) : (waiting.at(-1)?.ord ?? from)
    const tenants = new Map(waiting.map(({ lane, tenant }) => [lane, tenant]))
    const awake = await lanesOf(tenants)
    const idle = [...tenants].filter(([lane]) => !awake.has(lane))
    await lanes.ring(idle.map(([lane, tenant]) => ({ lane, tenant, isWork: true, arrived: false })))
    return idle.length
  }

  async function lanesOf(tenants: ReadonlyMap<string, string>): Promise<ReadonlySet<string>> {
    const filter = { _id: { $in: [...tenants.keys()] }, wakeAt: { $exists: true } }
    const found = await collections.lanes.find(filter, { projection: { _id: 1 } }).toArray()
    return new Set(found.map(({ _id }) => _id))
  }

  /** A crash can come between an outcome and its telling. */
  async function tellUntold(): Promise<void> {
    const found = executions.find({ untold: { $exists: true } }, { projection: { untold: 1 } })
    await outbox.tell(await found.hint('untold').sort({ arrived: 1 }).limit(perPass).toArray())
  }

  /** A purged execution leaves its row without what it said: it refuses the duplicate. */
  async function purge(now: Date): Promise<number> {
    const due = { purgeAt: { $lt: now }, open: { $exists: false }, untold: { $exists: false } } as const
    const found = await executions
      .find(due, { projection: { _id: 1 } })
      .limit(perPass)
      .toArray()
    const ids = found.map(({ _id }) => _id)
    await blobs.deleteMany({ execution: { $in: ids } })
    const update: UpdateFilter<ExecutionDoc> = {
      $set: { frames: [], purged: true },
      $unset: { purgeAt: 1, refs: 1, approval: 1 }
    }
    return (await executions.updateMany({ _id: { $in: ids }, ...due }, update)).modifiedCount
  }

  return {
    async pass(): Promise<Swept> {
      const rung = await ringForgotten()
      await tellUntold()
      const now = new Date(clock.now())
      const { deletedCount } = await blobs.deleteMany({ purgeAt: { $lt: now } })
      const purged = await purge(now)
      await limits.deleteMany({ resetAt: { $lt: now } })
      if (auditMs !== undefined) await sealer.deleteAudit(clock.now() - auditMs)
      return { rung, blobs: deletedCount, purged }
    }
  }
}

/** The last cluster time of a second: its clock counts in them. */
function timestampAt(ms: number): Timestamp {
  return new Timestamp({ t: Math.max(0, Math.floor(ms / 1_000)), i: 0xffffffff })
}
