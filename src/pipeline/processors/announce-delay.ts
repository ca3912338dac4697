import type { Channel } from '../../channels/channel.ts'
import { received } from '../../frames/execution.ts'
import { Failure } from '../../frames/failure.ts'
import { isClosed } from '../../inbox/opt-out.ts'
import type { Store } from '../../store/store.ts'
import type { Processor } from '../processor.ts'
import { sentence } from '../sentences.ts'

/** Says once that it takes longer. It is told at most once and never reconciled: the answer itself still comes. */
export function createAnnounceDelay(parts: { store: Store; channelOf: (tenant: string) => Channel }): Processor {
  return {
    name: 'announce-delay',
    async prepare({ execution }) {
      if (await isClosed(parts, execution.tenant, execution.principal)) throw new Failure('SEND_OPTED_OUT')
    },
    async run({ execution, frame, signal }) {
      const { from, to } = received(execution.frames).data
      const channel = parts.channelOf(execution.tenant)
      await channel.send({ from: to, to: from, text: sentence('DELAYED'), send: frame.id }, signal)
      return {
        draft: { kind: 'delay.announced', data: { code: 'DELAYED' }, parent: frame.id, provenance: frame.provenance }
      }
    }
  }
}
