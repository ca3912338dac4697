import type { Outgoing } from '../../channels/channel.ts'
import type { Draft, Frame } from '../../frames/frame.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import type { Switches } from '../../policy/switches.ts'
import type { Processor, Product, Work } from '../processor.ts'
import { replyOf, startPart } from './next-part.ts'
import { findSent, mustBeReachable, outgoingOf, type SendingParts, send } from './sending.ts'

/** Sends one part of a reply; what became of an earlier attempt is found out before it is sent again. Throws the SEND_… failures. */
export function createSendPart(parts: SendingParts & { switches: Switches }): Processor {
  return {
    name: 'send-part',
    prepare: work => mustBeReachable(parts, work),
    async run(work) {
      await stopPrincipal(parts, work)
      return partSent(work, await send(parts, work, partOf(work)), false)
    },
    async recover(work) {
      const found = await findSent(parts, work, partOf(work))
      if (found !== null) return partSent(work, found, true)
      const started = work.frame as Frame<'reply.started'>
      return { draft: startPart(work.execution.frames, started, started.data.part) }
    }
  }
}

/**
 * Whoever made the model tell its instructions is stopped until the operator lifts it. It is done with the first try of the sentence
 * that says so, which would wait for the operator otherwise.
 */
async function stopPrincipal({ switches }: { switches: Switches }, { execution, frame }: Work): Promise<void> {
  const { part, attempt } = (frame as Frame<'reply.started'>).data
  const isFirst = part === 0 && attempt === 1
  const { sentence } = replyOf(execution.frames).draft.data
  if (isFirst && sentence === 'CANARY_WITHHELD') await switches.set(`principal:${execution.principal}`, true, 'server')
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
