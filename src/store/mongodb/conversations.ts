import { Timestamp } from 'mongodb'
import { Failure } from '../../frames/failure.ts'
import { shownExecutions } from '../rules.ts'
import type { Store } from '../store.ts'
import type { ConversationSummary } from '../summaries.ts'
import type { Collections, LaneDoc } from './collections.ts'

/** The conversations for an operator's eyes. A page ends at a ring and a lane, so messages that come in between neither hide nor repeat a line. */
export function createConversations({ executions, lanes }: Collections) {
  async function summarise({ _id: lane, tenant }: LaneDoc, limit: number): Promise<ConversationSummary> {
    const projection = { state: 1, at: 1 } as const
    const docs = await executions.find({ lane }, { projection }).sort({ arrived: -1 }).limit(limit).toArray()
    const shown = docs.map(({ _id: id, state, at }) => ({ id, state, at: at.toISOString() }))
    return { id: lane, tenant, lastAt: shown[0]?.at ?? '', executions: shown.toReversed() }
  }

  return {
    /** Throws QUERY_INVALID for an `after` that no page gave. */
    async page({ after, limit }: Parameters<Store['conversations']>[0]): ReturnType<Store['conversations']> {
      const filter = after === undefined ? {} : behind(after)
      const found = await lanes
        .find(filter)
        .sort({ newest: -1, _id: -1 })
        .limit(limit + 1)
        .toArray()
      const shown = found.slice(0, limit)
      const last = shown.at(-1)
      return {
        conversations: await Promise.all(shown.map(lane => summarise(lane, shownExecutions))),
        next: found.length > limit && last !== undefined ? cursor(last) : null
      }
    },
    async one(lane: string, limit: number): Promise<ConversationSummary | null> {
      const found = await lanes.findOne({ _id: lane })
      return found === null ? null : summarise(found, limit)
    }
  }
}

function cursor({ newest, _id }: LaneDoc): string {
  return `${newest.toString()}.${Buffer.from(_id).toString('base64url')}`
}

function behind(after: string) {
  const [, time, lane] = /^(\d{1,20})\.([\w-]+)$/.exec(after) ?? []
  if (time === undefined || lane === undefined || BigInt(time) >= 2n ** 64n) throw new Failure('QUERY_INVALID')
  const newest = new Timestamp(BigInt(time))
  return { $or: [{ newest: { $lt: newest } }, { newest, _id: { $lt: Buffer.from(lane, 'base64url').toString() } }] }
}
