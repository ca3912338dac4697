import { Binary, type UpdateFilter } from 'mongodb'
import type { Execution } from '../../frames/execution.ts'
import type { Frame } from '../../frames/frame.ts'
import type { Extras, Lease, Store } from '../store.ts'
import type { AuditBatches } from './audit-batches.ts'
import type { Collections, ExecutionDoc } from './collections.ts'
import { adding, areInRow, before, type Executions } from './executions.ts'
import { groupedInsert } from './grouped.ts'
import type { Heads } from './heads.ts'
import type { Lanes } from './lanes.ts'
import { type Outbox, untold } from './outbox.ts'
import type { ServerTime } from './server-time.ts'

type Ended = { ended: boolean; next: Execution | null }

/** What a worker does under a lease: each write is one compare-and-set on the execution's token and position. */
export function createWork(parts: {
  collections: Pick<Collections, 'executions' | 'blobs'>
  executions: Executions
  heads: Heads
  lanes: Lanes
  audit: AuditBatches
  outbox: Outbox
  time: ServerTime
}) {
  const { collections, executions, heads, lanes, audit, outbox, time } = parts
  const insertBlob = groupedInsert(collections.blobs)

  /** Bytes go before the frame that names them. False where a later holder has been here. */
  async function keepBlob(lease: Lease, id: string, frames: readonly Frame[], blob: Extras['blob']): Promise<boolean> {
    const first = frames[0]
    if (blob === undefined || first === undefined) return true
    const { fence } = lease
    const doc = { execution: id, fence, bytes: new Binary(blob.bytes), purgeAt: new Date(blob.purgeAt) }
    const _id = `${id}:${first.n}`
    if (await insertBlob({ _id, ...doc })) return true
    return (await collections.blobs.updateOne({ _id, fence: { $lte: fence } }, { $set: doc })).matchedCount === 1
  }

  /** Keeps what must stand before the frames; false where they cannot be the next ones. */
  async function prepare(lease: Lease, id: string, frames: readonly Frame[], extras: Extras): Promise<boolean> {
    if (!areInRow(frames)) return false
    const [isKept] = await Promise.all([
      keepBlob(lease, id, frames, extras.blob),
      audit.keep(extras.audit?.intents ?? [])
    ])
    return isKept
  }

  const tell = (id: string, { audit }: Extras) => outbox.tellSoon([{ _id: id, untold: untold(audit?.outcomes) }])

  // Letting go is not waited for: should it fail, the lease runs out, and the next holder finds what there is to do.
  const resting = new Set<Promise<void>>()
  function soon(rest: Promise<unknown>): void {
    const ended = () => void resting.delete(rested)
    const rested = rest.then(ended, ended)
    resting.add(rested)
  }
  const restSoon = (lease: Lease) => soon(lanes.rest(lease))

  async function release(lease: Lease, delayMs: number): Promise<boolean> {
    if (!(await lanes.letGo(lease, delayMs))) return false
    await heads.rest(lease)
    return true
  }

  /** After an end: the lane's next under the same lease, or the lane let go. */
  async function goOn(lease: Lease, takeNext: boolean): Promise<Ended> {
    if (!(await heads.isWaiting(lease.lane))) {
      restSoon(lease)
      return { ended: true, next: null }
    }
    const next = takeNext ? await heads.run(lease) : null
    // Somebody else's decision may have taken it in between: then the lane is looked at once more.
    if (next === null) await lanes.letGo(lease, 0)
    return { ended: true, next: next === 'lost' ? null : next }
  }

  const refused: Ended = { ended: false, next: null }
  const held = (lease: Lease, id: string, frames: readonly Frame[]) => ({
    _id: id,
    lane: lease.lane,
    token: lease.token,
    open: true as const,
    ...before(frames)
  })

  return {
    restSoon,
    giveBack: (lease: Lease) => soon(release(lease, 0)),
    async append(lease: Lease, id: string, frames: readonly Frame[], extras: Extras = {}): Promise<boolean> {
      if (!(await prepare(lease, id, frames, extras))) return false
      const { $push, $inc, $set } = adding(frames, extras.refs, extras.audit?.outcomes)
      const update = { $push, $inc, $set: { ...$set, claims: 0 } }
      const isKept = await executions.advance(held(lease, id, frames), update, frames)
      if (isKept) tell(id, extras)
      return isKept
    },
    async finish(lease: Lease, id: string, end: Parameters<Store['finish']>[2]): Promise<Ended> {
      const { state, frames, extras = {}, takeNext, purgeAt } = end
      if (!(await prepare(lease, id, frames, extras))) return refused
      const { $push, $inc, $set } = adding(frames, extras.refs, extras.audit?.outcomes)
      const update: UpdateFilter<ExecutionDoc> = {
        $push,
        $inc,
        $set: { ...$set, state, ...(purgeAt !== null && { purgeAt: new Date(purgeAt) }) },
        $unset: { open: 1, token: 1 }
      }
      if (!(await executions.advance(held(lease, id, frames), update, frames))) return refused
      tell(id, extras)
      return goOn(lease, takeNext)
    },
    async park(lease: Lease, id: string, parking: Parameters<Store['park']>[2]): Promise<Ended> {
      const { frames, approval, timerAt, takeNext, extras = {} } = parking
      if (!(await prepare(lease, id, frames, extras))) return refused
      const last = frames.at(-1)
      const joined = (field: string, more: readonly string[] = []) => ({
        $concatArrays: [{ $ifNull: [field, []] }, { $literal: [...more] }]
      })
      const { refs = [], audit: { outcomes = [] } = {} } = extras
      const { matchedCount } = await collections.executions.updateOne(held(lease, id, frames), [
        {
          $set: {
            frames: joined(
              '$frames',
              frames.map(frame => JSON.stringify(frame))
            ),
            n: { $add: ['$n', frames.length] },
            ...(last !== undefined && { hash: last.hash }),
            ...(refs.length > 0 && { refs: joined('$refs', refs) }),
            ...(outcomes.length > 0 && { untold: joined('$untold', untold(outcomes)) }),
            state: 'parked',
            claims: 0,
            approval: { $literal: { ...approval, expiresAt: new Date(approval.expiresAt) } },
            timerAt: time.at(timerAt)
          }
        },
        { $unset: ['open', 'token'] }
      ])
      if (matchedCount !== 1) return refused
      tell(id, extras)
      return goOn(lease, takeNext)
    },
    async unclaim(id: string, n: number): Promise<void> {
      await collections.executions.updateOne({ _id: id, open: true, n, claims: { $gt: 0 } }, { $inc: { claims: -1 } })
    },
    async settled(): Promise<void> {
      await Promise.all(resting)
    },
    release
  }
}
