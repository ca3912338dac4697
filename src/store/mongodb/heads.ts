import type { Execution } from '../../frames/execution.ts'
import type { Lease } from '../store.ts'
import type { Collections, ExecutionDoc } from './collections.ts'
import { toExecution } from './executions.ts'
import { groupedLook } from './grouped.ts'
import type { Outbox } from './outbox.ts'

/** What a lease finds at the head of its lane: nothing, or `lost` where a later holder was there before it. */
export type Head = Execution | 'lost' | null

export type Heads = ReturnType<typeof createHeads>

/** The oldest open executions of lanes. */
export function createHeads(executions: Collections['executions'], outbox: Pick<Outbox, 'tellSoon'>) {
  const waiting = groupedLook(async lanes => {
    const found = await executions.distinct('lane', { lane: { $in: [...lanes] }, open: true })
    return new Map(found.map(lane => [lane, true]))
  })

  /** Who slept between taking a lane and stamping its head must not write over a later holder: the stamp yields to a higher fence. */
  function stamp({ token, fence }: Lease) {
    const isOurs = { $lte: [{ $ifNull: ['$fence', 0] }, fence] }
    const ours = (value: unknown, field: string) => ({ $cond: [isOurs, value, field] })
    const claims = ours({ $add: ['$claims', 1] }, '$claims')
    return [
      { $set: { state: ours('running', '$state'), token: ours(token, '$token'), claims, fence: ours(fence, '$fence') } }
    ]
  }

  function found(doc: ExecutionDoc | undefined | null, { token }: Lease): Head {
    if (doc === undefined || doc === null) return null
    if (doc.untold !== undefined) outbox.tellSoon([doc])
    return doc.token === token ? toExecution(doc) : 'lost'
  }

  return {
    /** Whether a lane has open work. */
    isWaiting: async (lane: string): Promise<boolean> => (await waiting(lane)) !== null,
    /** Stamps the head of a lane with the lease and counts the claim. */
    async run(lease: Lease): Promise<Head> {
      const order = { sort: { ord: 1 }, returnDocument: 'after' } as const
      return found(await executions.findOneAndUpdate({ lane: lease.lane, open: true }, stamp(lease), order), lease)
    },
    /** The same for many lanes, in three calls. */
    async runAll(leases: readonly Lease[]): Promise<Head[]> {
      const oldest = await executions
        .aggregate<{ _id: string; head: string }>(
          [
            { $match: { lane: { $in: leases.map(({ lane }) => lane) }, open: true } },
            { $sort: { lane: 1, ord: 1 } },
            { $group: { _id: '$lane', head: { $first: '$_id' } } }
          ],
          { hint: 'head' }
        )
        .toArray()
      const heads = new Map(oldest.map(({ _id, head }) => [_id, head]))
      const stamps = leases.flatMap(lease => {
        const _id = heads.get(lease.lane)
        return _id === undefined ? [] : [{ updateOne: { filter: { _id, open: true } as const, update: stamp(lease) } }]
      })
      if (stamps.length === 0) return leases.map(() => null)
      await executions.bulkWrite(stamps, { ordered: false })
      const docs = await executions.find({ _id: { $in: [...heads.values()] } }).toArray()
      const byLane = new Map(docs.map(doc => [doc.lane, doc]))
      return leases.map(lease => found(byLane.get(lease.lane), lease))
    },
    /** Puts the one that runs under a lease back to wait, and takes back the counted claim. */
    async rest({ lane, token }: Lease): Promise<void> {
      await executions.updateOne(
        { lane, open: true, token },
        { $set: { state: 'queued', claims: 0 }, $unset: { token: 1 } }
      )
    }
  }
}
