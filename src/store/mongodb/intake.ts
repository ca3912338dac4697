import type { Frame } from '../../frames/frame.ts'
import type { AuditRecord } from '../audit.ts'
import { reopenable } from '../rules.ts'
import type { Extras, Store } from '../store.ts'
import type { Collections, ExecutionDoc } from './collections.ts'
import { adding, before } from './executions.ts'
import type { Lanes } from './lanes.ts'
import { type Outbox, untold } from './outbox.ts'

/** What reaches an execution from outside, without a lease: notes, decisions and retries. Each is one compare-and-set on its position. */
export function createIntake(parts: { executions: Collections['executions']; lanes: Lanes; outbox: Outbox }) {
  const { executions, lanes, outbox } = parts
  const at = (id: string, frame: Frame) => ({ _id: id, purged: { $exists: false }, ...before([frame]) })

  async function queueLast(
    filter: Partial<Record<keyof ExecutionDoc | 'approval.id' | 'approval.state', unknown>>,
    frame: Frame,
    set: object,
    outcomes: readonly AuditRecord[] = []
  ): Promise<boolean> {
    const { $push, $inc, $set } = adding([frame], [], outcomes)
    const update = {
      $push,
      $inc,
      $set: { ...$set, ...set, state: 'queued', open: true, claims: 0 },
      $unset: { timerAt: 1, purgeAt: 1, token: 1 },
      $currentDate: { ord: { $type: 'timestamp' } }
    } as const
    const doc = await executions.findOneAndUpdate(filter as object, update, { projection: { lane: 1, tenant: 1 } })
    if (doc === null) return false
    outbox.tellSoon([{ _id: doc._id, untold: untold(outcomes) }])
    // Where the ring is lost the sweep finds it.
    await lanes.ring([{ lane: doc.lane, tenant: doc.tenant, isWork: true, arrived: false }]).catch(() => {})
    return true
  }

  return {
    async cancel(
      id: string,
      frames: readonly Frame[],
      { purgeAt, audit = [] }: Parameters<Store['cancel']>[2]
    ): Promise<boolean> {
      const { $push, $inc, $set } = adding(frames, [], audit)
      const filter = { _id: id, purged: { $exists: false }, ...before(frames), state: { $in: ['queued', 'parked'] } }
      const update = {
        $push,
        $inc,
        $set: { ...$set, state: 'cancelled', claims: 0, purgeAt: new Date(purgeAt) },
        $unset: { open: 1, timerAt: 1, token: 1 }
      } as const
      const doc = await executions.findOneAndUpdate(filter as object, update, { projection: { approval: 1 } })
      if (doc === null) return false
      outbox.tellSoon([{ _id: id, untold: untold(audit) }])
      // Nobody decides what is not parked: this is for the list of questions alone.
      if (doc.approval?.state === 'pending') {
        await executions.updateOne(
          { _id: id, state: 'cancelled', 'approval.state': 'pending' },
          { $set: { 'approval.state': 'cancelled' } }
        )
      }
      return true
    },
    async note(id: string, frame: Frame, extras: Pick<Extras, 'refs'> = {}): Promise<boolean> {
      const { $push, $inc, $set } = adding([frame], extras.refs)
      return (await executions.updateOne(at(id, frame), { $push, $inc, $set })).matchedCount === 1
    },
    decide: (
      id: string,
      frame: Frame,
      approval: { id: string; state: string },
      outcomes?: readonly AuditRecord[]
    ): Promise<boolean> =>
      queueLast(
        { ...at(id, frame), state: 'parked', 'approval.id': approval.id, 'approval.state': 'pending' },
        frame,
        { 'approval.state': approval.state },
        outcomes
      ),
    reopen: (id: string, frame: Frame, outcomes?: readonly AuditRecord[]): Promise<boolean> =>
      queueLast({ ...at(id, frame), state: { $in: [...reopenable] } }, frame, {}, outcomes)
  }
}
