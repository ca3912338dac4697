import { Timestamp } from 'mongodb'
import type { Clock } from '../../frames/clock.ts'
import type { Execution } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import type { Store } from '../store.ts'
import type { Depth } from '../summaries.ts'
import type { Collections } from './collections.ts'
import { toExecution } from './executions.ts'
import type { ServerTime } from './server-time.ts'

/** What the workers and the agent read. */
export function createQueries({ executions, blobs }: Collections, time: ServerTime, clock: Clock) {
  return {
    async read(id: string): Promise<Execution | null> {
      const doc = await executions.findOne({ _id: id })
      return doc === null ? null : toExecution(doc)
    },
    /** Names are ids of messages and sends; should two executions hold one, the older had it first. */
    async find(ref: string): Promise<string | null> {
      const doc = await executions.findOne({ refs: ref }, { projection: { _id: 1 }, sort: { arrived: 1 } })
      return doc?._id ?? null
    },
    async blob(id: string): Promise<Uint8Array | null> {
      return (await blobs.findOne({ _id: id }))?.bytes.buffer ?? null
    },
    async due(limit: number): Promise<Execution[]> {
      const passed = { timerAt: { $exists: true }, $expr: { $lte: ['$timerAt', time.now] } }
      return (await executions.find(passed).sort({ timerAt: 1 }).limit(limit).toArray()).map(toExecution)
    },
    async earlier(lane: string, before: string, limit: number): Promise<Execution[]> {
      const newest = (filter: object) => executions.find({ lane, ...filter }).sort({ arrived: -1 })
      // It is nearly always the newest itself, and one look finds it with those before it.
      const found = await newest({})
        .limit(limit + 1)
        .toArray()
      const place = found.findIndex(({ _id }) => _id === before)
      if (place === 0) return found.slice(1).map(toExecution)
      const from = found[place] ?? (await executions.findOne({ _id: before, lane }, { projection: { arrived: 1 } }))
      if (from === null) return []
      const older = newest({ arrived: { $lt: from.arrived } }).limit(limit)
      return (await older.toArray()).map(toExecution)
    },
    async unsettled(lane: string): Promise<Execution[]> {
      const [open, parked] = await Promise.all([
        executions.find({ lane, open: true }, { hint: 'head' }).toArray(),
        executions.find({ lane, timerAt: { $exists: true } }, { hint: 'parked' }).toArray()
      ])
      return [...open, ...parked].sort((a, b) => a.arrived.compare(b.arrived)).map(toExecution)
    },
    /** A page ends at an arrival, so that what is asked in between neither hides nor repeats a line. */
    async questions({ tenants, pending, after, limit }: Parameters<Store['questions']>[0]) {
      const filter = {
        tenant: { $in: [...tenants] },
        approval: { $exists: true },
        ...(pending && { timerAt: { $exists: true } }),
        ...(after !== undefined && { arrived: { $lt: arrivalAt(after) } })
      }
      const docs = await executions
        .find(filter, { hint: pending ? 'pending' : 'asked' })
        .sort({ arrived: -1 })
        .limit(limit + 1)
        .toArray()
      const last = docs.length > limit ? docs[limit - 1] : undefined
      return { executions: docs.slice(0, limit).map(toExecution), next: last?.arrived.toString() ?? null }
    },
    async lastInbound(lane: string): Promise<number | null> {
      const newest = await executions.findOne({ lane }, { projection: { at: 1 }, sort: { arrived: -1 } })
      return newest?.at.getTime() ?? null
    },
    async depth(): Promise<Omit<Depth, 'unsealedMs'>> {
      const open = { open: true } as const
      const parked = { timerAt: { $exists: true } }
      const [all, running, waiting, oldest] = await Promise.all([
        executions.countDocuments(open, { hint: 'open' }),
        executions.countDocuments({ ...open, state: 'running' }, { hint: 'open' }),
        executions.countDocuments(parked, { hint: 'timer' }),
        executions.findOne(open, { projection: { at: 1 }, sort: { ord: 1 } })
      ])
      const oldestMs = oldest === null ? 0 : Math.max(0, clock.now() - oldest.at.getTime())
      return { queued: all - running, running, parked: waiting, oldestMs }
    }
  }
}

function arrivalAt(after: string): Timestamp {
  if (!/^\d{1,20}$/.test(after) || BigInt(after) >= 2n ** 64n) throw new Failure('QUERY_INVALID')
  return new Timestamp(BigInt(after))
}
