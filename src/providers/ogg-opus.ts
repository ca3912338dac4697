import { OggOpusDecoder } from 'ogg-opus-decoder'
import { Failure } from '../frames/failure.ts'

/**
 * Decodes an Ogg Opus voice note (RFC 7845) to one channel at `sampleRate`, a few pages at a time: silence is nearly free to
 * send, so that a megabyte can hold an hour of it. Throws AUDIO_TOO_LONG once `maxSeconds` are passed, AUDIO_TYPE_UNSUPPORTED
 * for another codec in Ogg, AUDIO_DAMAGED for what cannot be decoded or was cut off.
 */
export async function decodeOggOpus(bytes: Uint8Array, sampleRate: 16_000, maxSeconds: number): Promise<Float32Array> {
  const steps = [...stepsOf(bytes)]
  const options = { sampleRate, forceStereo: false }
  const decoder = new OggOpusDecoder(options)
  await decoder.ready
  const parts: Float32Array[] = []
  let total = 0
  let errors = 0
  try {
    for (const step of [...steps, null]) {
      const decoded = step === null ? await decoder.flush() : await decoder.decode(step)
      errors += decoded.errors.length
      total += decoded.samplesDecoded
      if (total > maxSeconds * sampleRate) throw new Failure('AUDIO_TOO_LONG')
      if (decoded.samplesDecoded > 0) parts.push(mixed(decoded.channelData, decoded.samplesDecoded))
    }
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('AUDIO_DAMAGED')
  } finally {
    decoder.free()
  }
  if (total === 0 || errors > maxErrors) throw new Failure('AUDIO_DAMAGED')
  return joined(parts, total)
}

/** Whole pages (RFC 3533, section 6), taken together up to a few kilobytes: a page of the smallest packets is half a minute. */
function* stepsOf(bytes: Uint8Array): Generator<Uint8Array> {
  if (!isAt(bytes, 0, 'OggS')) throw new Failure('AUDIO_DAMAGED')
  if (!isAt(bytes, pageEnd(bytes, 0, 'header'), 'OpusHead')) throw new Failure('AUDIO_TYPE_UNSUPPORTED')
  let start = 0
  for (let at = 0; at < bytes.length; ) {
    at = pageEnd(bytes, at, 'body')
    if (at - start < stepBytes && at < bytes.length) continue
    yield bytes.subarray(start, at)
    start = at
  }
}

/** Where the header or the body of the page at `at` ends. */
function pageEnd(bytes: Uint8Array, at: number, part: 'header' | 'body'): number {
  const segments = bytes[at + 26]
  if (segments === undefined || !isAt(bytes, at, 'OggS')) throw new Failure('AUDIO_DAMAGED')
  const header = at + 27 + segments
  const body = bytes.subarray(at + 27, header).reduce((size, lacing) => size + lacing, header)
  if (body > bytes.length) throw new Failure('AUDIO_DAMAGED')
  return part === 'header' ? header : body
}

function isAt(bytes: Uint8Array, at: number, ascii: string): boolean {
  return (
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', at, at + ascii.length) === ascii
  )
}

function mixed(channels: readonly Float32Array[], samples: number): Float32Array {
  const sum = new Float32Array(samples)
  for (const channel of channels) {
    for (let i = 0; i < samples; i++) sum[i] = (sum[i] ?? 0) + (channel[i] ?? 0) / channels.length
  }
  return sum
}

function joined(parts: readonly Float32Array[], total: number): Float32Array {
  const all = new Float32Array(total)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const stepBytes = 4_096
/** A packet or two may be lost on the way without a word being lost. */
const maxErrors = 2
