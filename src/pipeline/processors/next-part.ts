import { framesOf, lastOf } from '../../frames/execution.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Route } from '../pipeline.ts'

/** Sends a drafted reply on its way: the first part that was not sent is started, and when none is left the reply is sent. */
export const nextPart: Route = (frames, frame) => {
  const { draft, sent } = replyOf(frames)
  if (sent < draft.data.parts.length) return startPart(frames, frame, sent)
  return {
    kind: 'reply.sent',
    data: { parts: sent },
    parent: frame.id,
    provenance: deriveProvenance('outbox', draft.id, [draft.provenance])
  }
}

/** The newest drafted reply and how many of its parts were sent. */
export function replyOf(frames: readonly Frame[]): { draft: Frame<'reply.drafted'>; sent: number } {
  const draft = lastOf(frames, 'reply.drafted')
  if (draft === undefined) throw new TypeError('no reply to send')
  const sent = framesOf(frames, 'reply.part-sent').filter(part => part.n > draft.n)
  return { draft, sent: sent.length }
}

/** The started-frame of one part; its id is what the status callbacks come back with. */
export function startPart(frames: readonly Frame[], parent: Frame, part: number): Draft<'reply.started'> {
  const { draft } = replyOf(frames)
  const before = framesOf(frames, 'reply.started').filter(start => start.n > draft.n && start.data.part === part)
  return {
    kind: 'reply.started',
    data: { part, attempt: before.length + 1 },
    parent: parent.id,
    provenance: deriveProvenance('outbox', draft.id, [draft.provenance])
  }
}
