/** The most keys that go in one call. */
const maxKeys = 500
interface Waiter<V> {
  readonly key: string
  resolve(value: V | null): void
  reject(error: unknown): void
}

/**
 * Looks keys up together: those asked for in one turn of the event loop, or while the call before is in flight, share one call,
 * because the driver's share of a call costs many times what a document does. `look` begins after the asking, so it sees whatever was written before.
 */
export function gather<V>(look: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>) {
  const queue: Waiter<V>[] = []
  let inFlight = false

  function pump(): void {
    if (queue.length === 0 || inFlight) return
    const batch = queue.splice(0, maxKeys)
    inFlight = true
    void answer(batch).finally(() => {
      inFlight = false
      pump()
    })
  }

  async function answer(batch: readonly Waiter<V>[]): Promise<void> {
    try {
      const found = await look([...new Set(batch.map(({ key }) => key))])
      for (const { key, resolve } of batch) resolve(found.get(key) ?? null)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  return (key: string): Promise<V | null> =>
    new Promise((resolve, reject) => {
      queue.push({ key, resolve, reject })
      if (queue.length === 1) setImmediate(pump)
    })
}
