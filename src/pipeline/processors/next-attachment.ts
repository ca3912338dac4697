import { framesOf, received } from '../../frames/execution.ts'
import type { Frame } from '../../frames/frame.ts'
import type { Route } from '../pipeline.ts'
import { judgeOrThink } from './judge-evidence.ts'

/** Sends a voice message on its way: an attachment not downloaded is downloaded, one without words is transcribed, and then its words are judged or thought about. */
export const nextAttachment: Route = frames =>
  toDownload(frames) !== undefined
    ? 'download-audio'
    : toTranscribe(frames) !== undefined
      ? 'transcribe'
      : judgeOrThink(frames)

/** The first attachment that may be speech and is not here yet. */
export function toDownload(frames: readonly Frame[]): number | undefined {
  const here = new Set(framesOf(frames, 'audio.downloaded').map(frame => frame.data.attachment))
  return received(frames)
    .data.media.flatMap((each, i) => (each.audio ? [i] : []))
    .find(i => !here.has(i))
}

/** The first downloaded attachment that has no words yet. */
export function toTranscribe(frames: readonly Frame[]): Frame<'audio.downloaded'> | undefined {
  const heard = new Set(framesOf(frames, 'speech.transcribed').map(frame => frame.data.attachment))
  return framesOf(frames, 'audio.downloaded').find(frame => !heard.has(frame.data.attachment))
}
