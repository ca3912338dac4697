import { type Filter, Timestamp, type UpdateFilter } from 'mongodb'
import type { Execution } from '../../frames/execution.ts'
import type { Frame } from '../../frames/frame.ts'
import { noTail } from '../../frames/tail.ts'
import type { AuditRecord } from '../audit.ts'
import type { Acceptance } from '../store.ts'
import type { Collections, ExecutionDoc } from './collections.ts'

import { groupedSwap, type Swap } from './grouped.ts'
import { untold } from './outbox.ts'

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

/** Executions under a lease. */
export function createExecutions(executions: Collections['executions']) {
  /** `last` is the newest of the frames that a swap adds: where it stands in the execution, the swap was made. */
  const swap = groupedSwap(executions, async (swaps: readonly (Swap & { last: string })[]) => {
    const ids = swaps.map(({ filter }) => filter._id)
    const docs = await executions.find({ _id: { $in: ids } }, { projection: { frames: 1 } }).toArray()
    const frames = new Map(docs.map(doc => [doc._id, new Set(doc.frames)]))
    return swaps.map(({ filter, last }) => frames.get(filter._id)?.has(last) === true)
  })

  return {
    /** Changes an execution where the condition holds, with the frames that are added. */
    async advance(
      filter: Filter<ExecutionDoc> & { _id: string },
      update: UpdateFilter<ExecutionDoc>,
      frames: readonly Frame[]
    ): Promise<boolean> {
      const last = frames.at(-1)
      if (last !== undefined) return swap({ filter, update, last: JSON.stringify(last) })
      return (await executions.updateOne(filter, update)).matchedCount === 1
    }
  }
}
