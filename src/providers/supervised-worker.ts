import { Worker } from 'node:worker_threads'
import { startDeadline } from '../frames/deadline.ts'
import { Failure } from '../frames/failure.ts'

/** A worker thread under supervision. */
export interface SupervisedWorker {
  /**
   * Has a job done and answers the message that the thread posts in return. Throws PROVIDER_UNAVAILABLE where the thread dies or
   * takes too long, the signal's reason after an abort, STOPPING after `close`.
   */
  run(job: unknown, signal: AbortSignal): Promise<unknown>
  close(): Promise<void>
}

/**
 * Supervises a thread that answers each message with one message. It is started by the first job and does one at a time; a job
 * that is aborted or takes longer than `timeoutMs` ends the thread with it, and the next job starts a new one. The thread sees
 * no environment, and what its libraries print goes nowhere.
 */
export function superviseWorker(url: URL, workerData: unknown, timeoutMs: number): SupervisedWorker {
  let worker: Worker | undefined
  let queue: Promise<unknown> = Promise.resolve()
  let closed = false

  function start(): Worker {
    const started = new Worker(url, { workerData, env: {}, execArgv: [], stdout: true, stderr: true })
    started.stdout.resume()
    started.stderr.resume()
    // Without a listener the error of a thread would be the process's own; its exit says all that is needed.
    started.on('error', () => {})
    started.once('exit', () => {
      if (worker === started) worker = undefined
    })
    return started
  }

  async function stop(): Promise<void> {
    const stopped = worker
    worker = undefined
    await stopped?.terminate()
  }

  function perform(job: unknown, signal: AbortSignal): Promise<unknown> {
    if (closed) throw new Failure('STOPPING')
    signal.throwIfAborted()
    worker ??= start()
    const at = worker
    const deadline = startDeadline(signal, timeoutMs)
    const settled = Promise.withResolvers<unknown>()
    const onExit = () => settled.reject(closed ? new Failure('STOPPING') : unavailable('WORKER_DIED'))
    deadline.signal.addEventListener('abort', () => {
      settled.reject(deadline.passed() ? unavailable('TIMEOUT') : signal.reason)
      void stop()
    })
    at.once('message', settled.resolve).once('exit', onExit)
    at.postMessage(job)
    return settled.promise.finally(() => {
      at.off('message', settled.resolve).off('exit', onExit)
      deadline.clear()
    })
  }

  return {
    run(job, signal) {
      const turn = queue.then(() => perform(job, signal))
      queue = turn.catch(() => {})
      return orAborted(turn, signal)
    },
    async close() {
      closed = true
      await stop()
      await queue
    }
  }
}

/** A job that still waits for its turn ends with its signal as well. */
async function orAborted<T>(turn: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([turn, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function unavailable(code: string): Failure {
  return new Failure('PROVIDER_UNAVAILABLE', { cause: { code } })
}
