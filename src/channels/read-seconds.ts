import { setImmediate } from 'node:timers/promises'
import { Failure } from '../frames/failure.ts'

/** How much the parser sees at a time: the worst files cost it 50 µs a byte, in which nothing else of the process runs. */
const sliceBytes = 1_024
const budgetMs = 2_000

/**
 * How long audio other than Opus plays by its own headers, seconds, or null where they do not say. Throws AUDIO_DAMAGED where it cannot be
 * parsed, also where that takes more than `budgetMs` of computing: a file can be made so that it takes minutes.
 */
export async function readSeconds(bytes: Uint8Array, mimeType: string): Promise<number | null> {
  const { parseWebStream } = await import('music-metadata')
  const options = { duration: true, skipCovers: true }
  const parsed = parseWebStream(inSlices(bytes), { mimeType, size: bytes.length }, options)
  const { format } = await parsed.catch(() => {
    // The parser's own error is left out: it may quote the file.
    throw new Failure('AUDIO_DAMAGED')
  })
  return format.duration !== undefined && format.duration > 0 ? format.duration : null
}

/** The bytes as a stream that lets everything else run between two slices, and fails once their parsing has cost too much. */
function inSlices(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let offset = 0
  let spent = 0
  let handedOver = computedMs()
  return new ReadableStream(
    {
      async pull(controller) {
        spent += computedMs() - handedOver
        if (spent > budgetMs) return controller.error(new Failure('AUDIO_DAMAGED'))
        await setImmediate()
        handedOver = computedMs()
        if (offset >= bytes.length) return controller.close()
        controller.enqueue(bytes.subarray(offset, offset + sliceBytes))
        offset += sliceBytes
      }
    },
    { highWaterMark: 0 }
  )
}

/** Processor time of this thread, ms: a process that stood still for a while has not computed. */
function computedMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
