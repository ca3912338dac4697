import type { Outgoing } from '../../channels/channel.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Processor, Product, Work } from '../processor.ts'
import { replyOf, startPart } from './next-part.ts'
import { findSent, mustBeReachable, outgoingOf, type SendingParts, send } from './sending.ts'

/** Sends one part of a reply; what became of an earlier attempt is found out before it is sent again. Throws the SEND_… failures. */
export function createSendPart(parts: SendingParts): Processor {
  return {
    name: 'send-part',
    prepare: work => mustBeReachable(parts, work),
    run: async work => partSent(work, await send(parts, work, partOf(work)), false),
    async recover(work) {
      const found = await findSent(parts, work, partOf(work))
      if (found !== null) return partSent(work, found, true)
      const started = work.frame as Frame<'reply.started'>
      return { draft: startPart(work.execution.frames, started, started.data.part) }
    }
  }
}

function partOf(work: Work): Outgoing {
  const { part } = (work.frame as Frame<'reply.started'>).data
  const text = replyOf(work.execution.frames).draft.data.parts[part]
  if (text === undefined) throw new TypeError('no such part')
  return outgoingOf(work, text)
}

function partSent({ frame }: Work, message: string, reconciled: boolean): Product {
  const { part } = (frame as Frame<'reply.started'>).data
  const draft: Draft<'reply.part-sent'> = {
    kind: 'reply.part-sent',
    data: { part, message, reconciled },
    parent: frame.id,
    provenance: deriveProvenance('outbox', frame.id, [frame.provenance])
  }
  return { draft, extras: { refs: [message] } }
}
