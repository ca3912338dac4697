import { Failure } from '../frames/failure.ts'
import type { FetchedAudio } from './channel.ts'
import { readOpusSeconds } from './ogg.ts'
import { readSeconds } from './read-seconds.ts'

/** What a speech service can take, by the extension that the magic bytes earn: file-type calls an audio-only WebM or MP4 a video. */
const readable: ReadonlyMap<string, string> = new Map([
  ['opus', 'audio/ogg'],
  ['ogg', 'audio/ogg'],
  ['mp3', 'audio/mpeg'],
  ['m4a', 'audio/mp4'],
  ['mp4', 'audio/mp4'],
  ['wav', 'audio/wav'],
  ['webm', 'audio/webm'],
  ['aac', 'audio/aac'],
  ['flac', 'audio/flac']
])

/**
 * Decides by its bytes what an attachment is and how long it plays, without decoding it. Throws AUDIO_EMPTY, AUDIO_NOT_AUDIO,
 * AUDIO_TYPE_UNSUPPORTED (AMR, 3GP and other sound no provider takes), AUDIO_DAMAGED and AUDIO_TOO_LONG.
 */
export async function inspectAudio(bytes: Uint8Array, maxSeconds: number): Promise<FetchedAudio> {
  if (bytes.length === 0) throw new Failure('AUDIO_EMPTY')
  const type = await readType(bytes)
  const seconds = (type === 'audio/ogg' ? readOpusSeconds(bytes) : null) ?? (await readSeconds(bytes, type))
  if (type === 'audio/ogg' && !seconds) throw new Failure('AUDIO_DAMAGED')
  if (seconds !== null && seconds > maxSeconds) throw new Failure('AUDIO_TOO_LONG')
  return { bytes, type, seconds }
}

async function readType(bytes: Uint8Array): Promise<string> {
  // Loaded with the first attachment, as the parser is: who only receives needs neither.
  const { fileTypeFromBuffer } = await import('file-type')
  const found = await fileTypeFromBuffer(bytes)
  const type = readable.get(found?.ext ?? '')
  if (type !== undefined) return type
  const playable = /^(?:audio|video)\/|^application\/ogg/.test(found?.mime ?? '')
  throw new Failure(playable ? 'AUDIO_TYPE_UNSUPPORTED' : 'AUDIO_NOT_AUDIO')
}
