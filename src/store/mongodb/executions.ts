import { type Filter, Timestamp, type UpdateFilter } from 'mongodb'
import type { Execution } from '../../frames/execution.ts'
import { type Frame, noTail } from '../../frames/frame.ts'
import type { AuditRecord } from '../audit.ts'
import type { Acceptance, Lease } from '../store.ts'
import type { Collections, ExecutionDoc } from './collections.ts'

import { groupedLook, groupedSwap, type Swap } from './grouped.ts'
import { type Outbox, untold } from './outbox.ts'

/** What the server replaces by its cluster time as it inserts: so arrival has a total order and no counter. */
const stamped = new Timestamp(0n)

/** A message as it is inserted. */
export function toDoc(message: Acceptance, now: number, contentMs: number): ExecutionDoc {
  const { id, lane, tenant, principal, state, frames, audit = [] } = message
  const { n, hash } = frames.at(-1) ?? noTail
  return {
    _id: id,
    lane,
    tenant,
    principal,
    at: new Date(now),
    ord: stamped,
    arrived: stamped,
    state,
    claims: 0,
    n,
    hash,
    frames: frames.map(frame => JSON.stringify(frame)),
    ...(audit.length > 0 && { untold: untold(audit) }),
    ...(state === 'queued' ? { open: true } : { purgeAt: new Date(now + contentMs) })
  }
}

/** An execution as the rooms see it. */
export function toExecution(doc: ExecutionDoc): Execution {
  const { _id: id, lane, tenant, principal, state, at, n, claims, token = null } = doc
  return {
    id,
    lane,
    tenant,
    principal,
    state,
    at: at.toISOString(),
    n,
    claims,
    token,
    frames: doc.frames.map(json => JSON.parse(json))
  }
}

/** Whether frames follow each other without a gap. */
export function areInRow(frames: readonly Frame[]): boolean {
  return frames.every((frame, i) => frame.n === (frames[0]?.n ?? 0) + i)
}

/** The condition that frames are exactly the next ones; no frames fit anywhere. */
export function before(frames: readonly Frame[]): { n?: number } {
  const first = frames[0]
  return first === undefined ? {} : { n: first.n - 1 }
}

/** The operators that add frames, and with them the names they go by and the outcomes that are to be told of them. */
export function adding(frames: readonly Frame[], refs: readonly string[] = [], outcomes: readonly AuditRecord[] = []) {
  const last = frames.at(-1)
  return {
    $push: {
      frames: { $each: frames.map(frame => JSON.stringify(frame)) },
      ...(refs.length > 0 && { refs: { $each: [...refs] } }),
      ...(outcomes.length > 0 && { untold: { $each: untold(outcomes) } })
    },
    $inc: { n: frames.length },
    $set: last === undefined ? {} : { hash: last.hash }
  } satisfies UpdateFilter<ExecutionDoc>
}

export type Executions = ReturnType<typeof createExecutions>

/** Executions under a lease, and the heads of lanes. */
export function createExecutions(executions: Collections['executions'], outbox: Pick<Outbox, 'tellSoon'>) {
  const open = (lane: string) => ({ lane, open: true }) as const

  const waiting = groupedLook(async lanes => {
    const found = await executions.distinct('lane', { lane: { $in: [...lanes] }, open: true })
    return new Map(found.map(lane => [lane, true]))
  })

  /** `last` is the newest of the frames that a swap adds: where it stands in the execution, the swap was made. */
  const swap = groupedSwap(executions, async (swaps: readonly (Swap & { last: string })[]) => {
    const ids = swaps.map(({ filter }) => filter._id)
    const docs = await executions.find({ _id: { $in: ids } }, { projection: { frames: 1 } }).toArray()
    const frames = new Map(docs.map(doc => [doc._id, new Set(doc.frames)]))
    return swaps.map(({ filter, last }) => frames.get(filter._id)?.has(last) === true)
  })

  return {
    /** Whether a lane has open work. */
    isWaiting: async (lane: string): Promise<boolean> => (await waiting(lane)) !== null,
    /** Changes an execution where the condition holds, with the frames that are added. */
    async advance(
      filter: Filter<ExecutionDoc> & { _id: string },
      update: UpdateFilter<ExecutionDoc>,
      frames: readonly Frame[]
    ): Promise<boolean> {
      const last = frames.at(-1)
      if (last !== undefined) return swap({ filter, update, last: JSON.stringify(last) })
      return (await executions.updateOne(filter, update)).matchedCount === 1
    },
    /**
     * Stamps the oldest open execution of a lane with the lease and counts the claim. Null where there is none; `lost` where a
     * later holder has stamped it already: who slept between taking a lane and this must not write over it.
     */
    async run({ lane, token, fence }: Lease): Promise<Execution | 'lost' | null> {
      const isOurs = { $lte: [{ $ifNull: ['$fence', 0] }, fence] }
      const ours = (value: unknown, field: string) => ({ $cond: [isOurs, value, field] })
      const doc = await executions.findOneAndUpdate(
        open(lane),
        [
          {
            $set: {
              state: ours('running', '$state'),
              token: ours(token, '$token'),
              claims: ours({ $add: ['$claims', 1] }, '$claims'),
              fence: ours(fence, '$fence')
            }
          }
        ],
        { sort: { ord: 1 }, returnDocument: 'after' }
      )
      if (doc === null) return null
      if (doc.untold !== undefined) outbox.tellSoon([doc])
      return doc.token === token ? toExecution(doc) : 'lost'
    },
    /** Puts the one that runs under a lease back to wait, and takes back the counted claim. */
    async rest({ lane, token }: Lease): Promise<void> {
      await executions.updateOne(
        { ...open(lane), token },
        { $set: { state: 'queued', claims: 0 }, $unset: { token: 1 } }
      )
    }
  }
}
