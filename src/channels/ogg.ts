import { Failure } from '../frames/failure.ts'

const headerLength = 27
const firstOfStream = 2
const headLength = 19
const samplesPerSecond = 48_000

/** One page of an Ogg stream (RFC 3533, section 6): `granule` is -1 where no packet ends on it. */
interface Page {
  readonly isFirst: boolean
  readonly granule: number
  readonly body: Buffer
}

/**
 * How long Opus in Ogg plays, seconds: the last position of each of its streams less what a decoder throws away at the start
 * (RFC 7845, section 4). Null for another codec. Throws AUDIO_DAMAGED where the file is not whole pages from end to end. The
 * end-of-stream flag is not asked for: Android's own muxer never sets it (https://github.com/chenxiaolong/BCR/pull/922).
 */
export function readOpusSeconds(bytes: Uint8Array): number | null {
  let isOpus = true
  let ended = 0
  let preSkip = 0
  let position = 0
  for (const { isFirst, granule, body } of pagesOf(bytes)) {
    if (isFirst) {
      isOpus &&= body.toString('latin1', 0, 8) === 'OpusHead' && body.length >= headLength
      ended += Math.max(0, position - preSkip)
      preSkip = isOpus ? body.readUInt16LE(10) : 0
      position = 0
    } else if (granule >= 0) position = granule
  }
  return isOpus ? (ended + Math.max(0, position - preSkip)) / samplesPerSecond : null
}

function* pagesOf(bytes: Uint8Array): Generator<Page> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < file.length; ) {
    const start = at + headerLength + (file[at + 26] ?? 0)
    if (file.toString('latin1', at, at + 4) !== 'OggS' || start > file.length) throw new Failure('AUDIO_DAMAGED')
    const end = file.subarray(at + headerLength, start).reduce((size, lacing) => size + lacing, start)
    if (end > file.length) throw new Failure('AUDIO_DAMAGED')
    yield {
      isFirst: ((file[at + 5] ?? 0) & firstOfStream) !== 0,
      granule: file.readInt32LE(at + 10) * 2 ** 32 + file.readUInt32LE(at + 6),
      body: file.subarray(start, end)
    }
    at = end
  }
}
