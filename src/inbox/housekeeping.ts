import type { Clock } from '../frames/clock.ts'
import type { Observe } from '../frames/event.ts'
import type { Store } from '../store/store.ts'

const lookEveryMs = 10_000
/** A little less than two looks, since a timer may be early. Who dies after its turn is followed by another within three. */
const turnMs = 19_000

/**
 * Sweeps the store every twenty seconds: rings forgotten lanes, deletes audio past its retention, purges old content. Of the processes
 * that share a store, the first to look in each such time does. Returns the way to stop.
 */
export function keepHouse({
  store,
  clock,
  observe
}: {
  store: Store
  clock: Clock
  observe: Observe
}): () => Promise<void> {
  let sweeping = Promise.resolve()
  let busy = false
  const sweep = async () => {
    const started = clock.monotonic()
    try {
      if ((await store.take('sweep', turnMs)).count > 1) return
      const swept = await store.sweep()
      observe('sweep.finished', { ...swept, ms: clock.monotonic() - started })
    } catch {
      observe('alert', { code: 'STORE_UNAVAILABLE', execution: null })
    } finally {
      busy = false
    }
  }
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    sweeping = sweep()
  }, lookEveryMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await sweeping
  }
}
