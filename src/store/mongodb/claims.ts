import type { Clock } from '../../frames/clock.ts'
import type { Entropy } from '../../frames/entropy.ts'
import type { Claim, Lease, Store } from '../store.ts'
import type { Collections, LaneDoc } from './collections.ts'
import { grouped, swapAll } from './grouped.ts'
import type { Heads } from './heads.ts'
import type { RungLease } from './lanes.ts'
import type { ServerTime } from './server-time.ts'

type Options = Parameters<Store['claim']>[0]
type Due = LaneDoc & { readonly wakeAt: Date }

/** Entries that have left the front of the index are still walked over: a look starts a little before the last find. */
const slackMs = 1_000
const fullLookEveryMs = 2_000

/**
 * Takes lanes that are due, and their heads. What is asked for at once is taken together; `rest` lets go of a lane without work, and
 * `giveBack` of one that was taken for nobody, because the server failed or answered too late: it is not to wait for the end of its lease.
 */
export function createClaims(parts: {
  lanes: Collections['lanes']
  heads: Heads
  rest: (lease: Lease) => void
  giveBack: (lease: Lease) => void
  time: ServerTime
  clock: Clock
  entropy: Entropy
}): Store['claim'] {
  const { lanes, heads, rest, giveBack, time, clock, entropy } = parts
  // By the tenants asked for: what is oldest for some is not for others.
  const lowWater = new Map<string, Date>()
  let fullLookAt = Number.NEGATIVE_INFINITY

  function due({ tenants }: Options) {
    if (clock.monotonic() - fullLookAt >= fullLookEveryMs || clock.monotonic() < fullLookAt) {
      fullLookAt = clock.monotonic()
      lowWater.clear()
    }
    const low = lowWater.get(tenants.join())
    const wakeAt = { $exists: true, ...(low !== undefined && { $gt: low }) }
    return { tenant: { $in: [...tenants] }, wakeAt, $expr: { $lte: ['$wakeAt', time.now] } }
  }

  function taken({ tenants }: Options, { _id: lane, tenant, fence = 0, bell, wakeAt }: LaneDoc, token: string) {
    lowWater.set(tenants.join(), new Date((wakeAt?.getTime() ?? 0) - slackMs))
    return { lane, tenant, token, fence: fence + 1, bell } satisfies RungLease
  }

  const update = ({ owner, leaseMs }: Options, token: string) => [
    { $set: { token, owner, wakeAt: time.after(leaseMs), fence: { $add: [{ $ifNull: ['$fence', 0] }, 1] } } }
  ]

  async function takeOne(options: Options): Promise<RungLease | null> {
    const token = entropy.id()
    const order = { sort: { wakeAt: 1 }, returnDocument: 'before' } as const
    const found = await lanes.findOneAndUpdate(due(options), update(options, token), order)
    return found === null ? null : taken(options, found, token)
  }

  /** Looks at lanes that were just taken; where that fails, they are given back. */
  async function looking<T>(leases: readonly RungLease[], look: () => Promise<T>): Promise<T> {
    try {
      return await look()
    } catch (error) {
      for (const lease of leases) giveBack(lease)
      throw error
    }
  }

  async function claimOne(options: Options): Promise<Claim | null> {
    for (;;) {
      const lease = await takeOne(options)
      if (lease === null) return null
      const head = await looking([lease], () => heads.run(lease))
      if (head === null) rest(lease)
      else if (head !== 'lost') return { lease, execution: head }
    }
  }

  /** Takes those of the lanes that nobody else takes in between. */
  async function takeAll(options: Options, found: readonly Due[]): Promise<RungLease[]> {
    const swaps = found.map(lane => {
      const { _id, wakeAt, fence } = lane
      const token = entropy.id()
      return {
        lane,
        token,
        filter: { _id, wakeAt, fence: fence ?? { $exists: false } },
        update: update(options, token)
      }
    })
    const isTaken = await swapAll(lanes, swaps, async () => {
      const tokens = swaps.map(({ token }) => token)
      const docs = await lanes.find({ _id: { $in: found.map(({ _id }) => _id) }, token: { $in: tokens } }).toArray()
      const ours = new Set(docs.map(({ token }) => token))
      return tokens.map(token => ours.has(token))
    })
    return swaps.filter((_, i) => isTaken[i]).map(({ lane, token }) => taken(options, lane, token))
  }

  async function claimMany(options: Options, count: number): Promise<Claim[]> {
    for (;;) {
      const ripe = (await lanes.find(due(options)).sort({ wakeAt: 1 }).limit(count).toArray()) as Due[]
      if (ripe.length === 0) return []
      const leases = await takeAll(options, ripe)
      const claims: Claim[] = []
      const found = await looking(leases, () => heads.runAll(leases))
      for (const [i, head] of found.entries()) {
        const lease = leases[i] as RungLease
        if (head === null) rest(lease)
        else if (head !== 'lost') claims.push({ lease, execution: head })
      }
      // Where others were quicker, or the lanes were empty, there may be more.
      if (claims.length > 0) return claims
    }
  }

  async function claimAll(asked: readonly Options[]): Promise<(Claim | null)[]> {
    const alike = Map.groupBy(asked, options => JSON.stringify(options))
    const claims = new Map<string, Claim[]>()
    for (const [key, [options, ...more]] of alike) {
      if (options === undefined) continue
      const one = more.length === 0 ? await claimOne(options) : null
      claims.set(key, more.length === 0 ? (one === null ? [] : [one]) : await claimMany(options, more.length + 1))
    }
    return asked.map(options => claims.get(JSON.stringify(options))?.shift() ?? null)
  }

  return grouped(claimAll, 0, late => {
    for (const claim of late) if (claim !== null) giveBack(claim.lease)
  })
}
