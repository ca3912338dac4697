import { once } from 'node:events'
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../frames/clock.ts'
import { Failure } from '../../frames/failure.ts'
import { deadlineMs, unavailable } from '../rules.ts'
import type { ArgumentsOf, Asked, ChangeName, Changes } from './changes.ts'
import type { Refusal, Said, ThreadData } from './write-thread.ts'

const lookEveryMs = 100

/** What the thread is sent is soon done with: left alone V8 gives that three times the room. */
const youngMb = 8

/** So many changes go over before the turn of the event loop ends: the thread is not to idle while a crowd is being read. */
const enough = 8

/** The one way to write. */
export interface Writer {
  /**
   * Resolves once the change is on disk. Rejects with STORE_UNAVAILABLE when the disk refuses, when the change waited too long (if
   * it is not under way by then, it is never made) and after `close`.
   */
  write<N extends ChangeName>(name: N, ...args: ArgumentsOf<N>): Promise<ReturnType<Changes[N]>>
  /** Makes what was asked for, and closes the database. */
  close(): Promise<void>
}

interface Waiter {
  readonly since: number
  resolve(answer: unknown): void
  reject(error: unknown): void
}

/**
 * Starts the thread that holds the database and asks it for changes; those of one turn of the event loop go over together.
 * `onRing` is called after a commit that made a lane due. Rejects with an Error that says what to do where the database cannot be
 * opened. A thread that dies later takes the process with it: whatever supervises that starts both again, and nothing is lost.
 */
export async function startWriter(options: {
  dir: string
  contentMs: number
  clock: Clock
  onRing: () => void
}): Promise<Writer> {
  const { dir, contentMs, clock, onRing } = options
  const abandoned = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const workerData: ThreadData = { dir, contentMs, abandoned }
  const resourceLimits = { maxYoungGenerationSizeMb: youngMb }
  const settings = { workerData, env: compiled(), execArgv: [], resourceLimits }
  const thread = new Worker(new URL('./write-thread.ts', import.meta.url), settings)
  const [said] = (await once(thread, 'message')) as [Said]
  if ('notOpened' in said) {
    await once(thread, 'exit')
    throw new Error(said.notOpened)
  }

  /** Those whose outcome is not known, in the order of asking; the thread answers in the same. */
  const waiters: Waiter[] = []
  let next: { asked: Asked; waiter: Waiter }[] = []
  let answered = 0
  let closed = false

  function send(): void {
    if (next.length === 0) return
    const batch = next
    next = []
    try {
      thread.postMessage(batch.map(({ asked }) => asked))
      waiters.push(...batch.map(({ waiter }) => waiter))
    } catch (error) {
      // What cannot be cloned must not take its neighbours with it.
      if (batch.length === 1) batch[0]?.waiter.reject(error)
      else for (const one of batch) sendAlone(one)
    }
  }

  function sendAlone(one: { asked: Asked; waiter: Waiter }): void {
    next = [one]
    send()
  }

  function hear(said: Said): void {
    if (!('outcomes' in said)) return
    answered += said.outcomes.length
    for (const [i, waiter] of waiters.splice(0, said.outcomes.length).entries()) {
      const outcome = said.outcomes[i]
      if (outcome === undefined) continue
      if ('answer' in outcome) waiter.resolve(outcome.answer)
      else waiter.reject(toError(outcome.refusal))
    }
    if (said.rung) onRing()
  }

  function letGoOfLate(): void {
    const now = clock.monotonic()
    const firstPrompt = waiters.findIndex(({ since }) => now - since <= deadlineMs)
    const late = firstPrompt === -1 ? waiters.length : firstPrompt
    if (late === 0) return
    Atomics.store(abandoned, 0, answered + late)
    for (const waiter of waiters.slice(0, late)) waiter.reject(unavailable('waited too long'))
  }

  const look = setInterval(letGoOfLate, lookEveryMs).unref()
  thread.on('message', hear)
  const exited = Promise.withResolvers<void>()
  let cause: unknown
  thread.on('error', error => {
    cause = error
  })
  thread.on('exit', () => {
    clearInterval(look)
    for (const waiter of waiters) waiter.reject(unavailable('the thread that writes has ended'))
    exited.resolve()
    if (!closed) throw new Error('the thread that writes has ended', { cause })
  })

  return {
    write(name, ...args) {
      if (closed) return Promise.reject(unavailable('the store is closed'))
      if (next.length === 0) setImmediate(send)
      return new Promise((resolve, reject) => {
        const waiter = { since: clock.monotonic(), resolve: resolve as Waiter['resolve'], reject }
        next.push({ asked: { name, now: clock.now(), args }, waiter })
        if (next.length >= enough) send()
      })
    },
    async close() {
      if (!closed) {
        closed = true
        send()
        thread.postMessage(null)
      }
      await exited.promise
    }
  }
}

function toError({ disk, name, message, code, errcode }: Refusal): Error {
  const error = Object.assign(name === 'TypeError' ? new TypeError(message) : new Error(message), { code, errcode })
  return disk ? new Failure('STORE_UNAVAILABLE', { cause: error }) : error
}

/** The environment of the thread: where Node keeps what it compiled, if anywhere, for to strip the types anew takes half of a start. */
function compiled(): Record<string, string> {
  const place = getCompileCacheDir()
  // Node makes a folder for its version in the one that it is given.
  return place === undefined ? {} : { NODE_COMPILE_CACHE: dirname(place) }
}
