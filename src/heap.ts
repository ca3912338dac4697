import { availableParallelism } from 'node:os'
import v8 from 'node:v8'

const growingPercent = 50
const youngBytes = 32 * 1024 * 1024
const lookMs = 200
const fewProcessors = 2

/**
 * Keeps the heap near what is alive in it. Left alone V8 lets it grow to several times that under load, and the space for young
 * objects to 128 MB, filled with garbage and never given back. Set here, because a flag on the command line binds only who knows it.
 */
export function boundHeap(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${growingPercent}`)
  // The young are few, and helpers that look after them take the processor from the thread that they help.
  if (availableParallelism() <= fewProcessors) v8.setFlagsFromString('--no-parallel-scavenge')
  // Who is loaded has mostly grown as far already, and a crowd may come at once.
  const boundYoung = createYoungBound()
  boundYoung()
  setInterval(boundYoung, lookMs).unref()
}

/**
 * Lets the space for young objects grow to its size and no further. In a quiet hour V8 makes it small again: it must be free to grow
 * with the next crowd, which would be collected thousands of times a minute in the megabyte that is left.
 */
function createYoungBound(): () => void {
  let isFull = false
  return () => {
    const young = v8.getHeapSpaceStatistics().find(space => space.space_name === 'new_space')
    if ((young?.space_size ?? youngBytes) >= youngBytes === isFull) return
    isFull = !isFull
    v8.setFlagsFromString(`--semi-space-growth-factor=${isFull ? 1 : 2}`)
  }
}
