import { hash } from 'node:crypto'
import type { Channel } from '../../channels/channel.ts'
import type { Clock } from '../../frames/clock.ts'
import { received } from '../../frames/execution.ts'
import { deriveProvenance } from '../../frames/provenance.ts'
import { willDeleteMedia } from '../../inbox/media-deletion.ts'
import type { Store } from '../../store/store.ts'
import type { Processor } from '../processor.ts'
import { toDownload } from './next-attachment.ts'

/** Fetches the next voice note: the bytes go to a blob with a retention of its own, the frame holds their hash, type and length. */
export function createDownloadAudio(parts: {
  channelOf: (tenant: string) => Channel
  store: Store
  clock: Clock
  /** Whether a tenant wants audio deleted on the other side once it is kept. */
  deletesMedia: (tenant: string) => boolean
  audioMs: number
}): Processor {
  return {
    name: 'download-audio',
    async run({ execution, frame, signal }) {
      const first = received(execution.frames)
      const attachment = toDownload(execution.frames)
      if (attachment === undefined) throw new TypeError('no attachment to download')
      const { tenant, id } = execution
      if (parts.deletesMedia(tenant)) {
        const { message, media } = first.data
        const wanted = { execution: id, attachment, message, media: media[attachment]?.id ?? '' }
        await willDeleteMedia(parts, tenant, wanted)
      }
      const audio = await parts.channelOf(execution.tenant).fetchAudio(first.data, attachment, signal)
      return {
        draft: {
          kind: 'audio.downloaded',
          data: {
            attachment,
            sha256: hash('sha256', audio.bytes, 'hex'),
            type: audio.type,
            bytes: audio.bytes.length,
            seconds: audio.seconds
          },
          parent: frame.id,
          provenance: deriveProvenance('channel-media', first.id, [first.provenance])
        },
        extras: { blob: { bytes: audio.bytes, purgeAt: parts.clock.now() + parts.audioMs } }
      }
    }
  }
}
