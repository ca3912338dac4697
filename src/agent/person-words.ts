import { received } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'
import type { Message } from '../frames/kinds.ts'
import { cleanText, oneLine, transcriptsOf } from './answer.ts'

/**
 * What a person said in one message, as a model is shown it: typed words as they are, everything else line by line
 * under a mark in brackets. Each line of a forwarded message carries its mark, so that none can pass for the person's
 * own.
 */
export function personWords(frames: readonly Frame[]): string {
  const message = messageOf(frames)
  if (message === null) return ''
  const transcripts = transcriptsOf(frames)
  const typed = cleanText(message.text)
  const mark = message.forwarded ? 'forwarded ' : ''
  const lines = [
    message.forwarded ? typed.replace(/^(?=.)/gm, '[forwarded] ') : typed,
    ...message.media.map(({ type }, attachment) => {
      const heard = transcripts.get(attachment)
      if (heard !== undefined) return `[${mark}voice note] ${heard}`
      return `[${mark}attached: ${type.replace(/[^\w.+/-]/g, '').slice(0, 60) || 'a file'}, which cannot be read]`
    }),
    message.location === undefined ? '' : `[${mark}location] ${placeOf(message.location)}`
  ]
  return lines.filter(line => line !== '').join('\n') || '[an empty message]'
}

/** The message an execution is about, or null where it is a command or was purged. */
function messageOf(frames: readonly Frame[]): Message | null {
  const first = frames[0]
  return first?.kind === 'voice.received' || first?.kind === 'text.received' ? first.data : null
}

function placeOf({ latitude, longitude, label }: NonNullable<Message['location']>): string {
  return oneLine([label, `${latitude}, ${longitude}`].filter(Boolean).join(': '))
}

/** What the person wrote with their own hands in the message of an execution; nothing where it was forwarded. */
export function typedBy(frames: readonly Frame[]): string {
  const { data, provenance } = received(frames)
  return provenance.integrity === 'user_forwarded' ? '' : data.text
}
