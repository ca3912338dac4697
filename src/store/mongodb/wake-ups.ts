import type { ChangeStream } from 'mongodb'
import type { Collections } from './collections.ts'

/** Tells this process of rings, those of others too. Correctness never depends on it: polling is the floor. */
export interface WakeUps {
  onRing(listener: () => void): () => void
  /** Tells all listeners now: for rings of our own, which need no way round. */
  tell(): void
  close(): Promise<void>
}

/** The server answers every second, also where nothing rang: a stream that is silent for longer hangs. */
const silenceMs = 30_000

/** Listens to the bells of the lanes with a change stream, opened with the first listener and again, from then on, whenever it breaks. */
export function createWakeUps(lanes: Collections['lanes'], pauseMs = 1_000): WakeUps {
  const listeners = new Set<() => void>()
  let stream: ChangeStream | undefined
  let again: NodeJS.Timeout | undefined
  let silent: NodeJS.Timeout | undefined
  let closed = false

  const tell = () => {
    for (const listener of listeners) listener()
  }

  function open(): void {
    if (closed || stream !== undefined) return
    const bells = {
      $match: { $or: [{ operationType: 'insert' }, { 'updateDescription.updatedFields.bell': { $exists: true } }] }
    }
    const opened = lanes.watch([bells, { $project: { _id: 1 } }])
    stream = opened
    const openAgain = () => {
      if (closed || stream !== opened) return
      stream = undefined
      clearTimeout(silent)
      void opened.close().catch(() => {})
      again = setTimeout(() => {
        open()
        // What rang in between was heard by nobody.
        tell()
      }, pauseMs)
      again.unref()
    }
    silent = setTimeout(openAgain, silenceMs).unref()
    opened.on('resumeTokenChanged', () => silent?.refresh())
    opened.on('change', tell)
    opened.on('error', openAgain)
    // A cursor that the server killed ends without an error.
    opened.on('close', openAgain)
  }

  return {
    onRing(listener) {
      listeners.add(listener)
      open()
      return () => listeners.delete(listener)
    },
    tell,
    async close() {
      closed = true
      clearTimeout(again)
      clearTimeout(silent)
      await stream?.close().catch(() => {})
    }
  }
}
