import type { AnyBulkWriteOperation } from 'mongodb'
import type { Lease } from '../store.ts'
import type { Collections, LaneDoc } from './collections.ts'
import { isDuplicate } from './connection.ts'
import { groupedSwap, type Swap } from './grouped.ts'
import type { ServerTime } from './server-time.ts'

export type Lanes = ReturnType<typeof createLanes>

/** A ring: `arrived` for a new message, which moves its conversation to the top of the list. */
export interface Ring {
  readonly lane: string
  readonly tenant: string
  readonly isWork: boolean
  readonly arrived: boolean
}

/** A lease that knows how often its lane had been rung when it was taken: whoever lets go of the lane sees whether somebody rang since. */
export interface RungLease extends Lease {
  readonly bell: number
}

/** Conversations as a queue of work. One field says it all: `wakeAt`, by the server's clock; so the lane of a dead worker simply becomes due again. */
export function createLanes(parts: {
  lanes: Collections['lanes']
  time: ServerTime
  /** Called when a lane was made due here. */
  tell: () => void
}) {
  const { lanes, time, tell } = parts

  /** A ring never shortens a lease or a backoff. `placesAfter`: of those rung together the first is due first, by a millisecond each. */
  const rung = ({ isWork, arrived }: Pick<Ring, 'isWork' | 'arrived'>, placesAfter: object | number) => ({
    newest: arrived ? '$$CLUSTER_TIME' : { $ifNull: ['$newest', '$$CLUSTER_TIME'] },
    ...(isWork && {
      bell: { $add: [{ $ifNull: ['$bell', 0] }, 1] },
      wakeAt: { $ifNull: ['$wakeAt', { $subtract: [time.now, placesAfter] }] }
    })
  })

  /** Rings lanes in one statement, which costs the server half as much as one each; those that are not there yet are made. */
  async function ringAlike(rings: readonly Ring[]): Promise<void> {
    const [first] = rings
    if (first === undefined) return
    const ids = rings.map(({ lane }) => lane)
    const placesAfter = { $subtract: [ids.length, { $indexOfArray: [{ $literal: ids }, '$_id'] }] }
    const { matchedCount } = await lanes.updateMany({ _id: { $in: ids } }, [{ $set: rung(first, placesAfter) }])
    if (matchedCount === ids.length) return
    const known = await lanes.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray()
    const missing = new Set(ids).difference(new Set(known.map(({ _id }) => _id)))
    await make(rings.filter(({ lane }) => missing.has(lane)))
  }

  async function make(rings: readonly Ring[]): Promise<void> {
    const upsert = ({ lane, tenant, ...ring }: Ring, place: number): AnyBulkWriteOperation<LaneDoc> => {
      const made = { tenant: { $ifNull: ['$tenant', { $literal: tenant }] }, ...rung(ring, rings.length - place) }
      return { updateOne: { filter: { _id: lane }, update: [{ $set: made }], upsert: true } }
    }
    if (rings.length > 0) await lanes.bulkWrite(rings.map(upsert), { ordered: false })
  }

  /** Made is what holds no longer. */
  const idle = groupedSwap(lanes, async (swaps: readonly (Swap & { filter: { token: string } })[]) => {
    const tokens = swaps.map(({ filter }) => filter.token)
    const ids = swaps.map(({ filter }) => filter._id)
    const docs = await lanes.find({ _id: { $in: ids }, token: { $in: tokens } }, { projection: { token: 1 } }).toArray()
    const held = new Set(docs.map(({ token }) => token))
    return swaps.map(({ filter }) => !held.has(filter.token))
  })

  /** Lets go of a lane with work: due in `delayMs`, at once for none. */
  async function letGo({ lane, token }: Lease, delayMs: number): Promise<boolean> {
    const wakeAt = delayMs > 0 ? time.after(delayMs) : time.now
    const update = [{ $set: { wakeAt } }, { $unset: ['token', 'owner'] }]
    const { matchedCount } = await lanes.updateOne({ _id: lane, token }, update)
    if (delayMs <= 0) tell()
    return matchedCount === 1
  }

  return {
    /** Rings lanes, each named once. */
    async ring(rings: readonly Ring[]): Promise<void> {
      const alike = Map.groupBy(rings, ({ isWork, arrived }) => `${isWork} ${arrived}`)
      for (const group of alike.values()) {
        await ringAlike(group).catch(error => {
          // Two first messages made the lane at the same time: the second finds it now.
          if (isDuplicate(error)) return ringAlike(group)
          throw error
        })
      }
      if (rings.some(({ isWork }) => isWork)) tell()
    },

    async extend({ lane, token }: Lease, leaseMs: number): Promise<boolean> {
      const { matchedCount } = await lanes.updateOne({ _id: lane, token }, [{ $set: { wakeAt: time.after(leaseMs) } }])
      return matchedCount === 1
    },

    /** Lets go of a lane in which no work was found: idle, or due at once where it was rung since it was taken. */
    async rest(lease: Lease): Promise<void> {
      const { lane, token, bell = Number.NaN } = lease as Partial<RungLease> & Lease
      const update = { $unset: { wakeAt: 1, token: 1, owner: 1 } }
      if (!(await idle({ filter: { _id: lane, token, bell }, update }))) await letGo(lease, 0)
    },

    letGo
  }
}
