import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, errors } from 'undici'
import { createCohorts } from './cohort.ts'

/** An answer. Of one that is no success, the body may be a beginning. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What is asked for, of which origin. */
export interface Request {
  readonly origin: string
  readonly path: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | null
}

const mostOfOthers = 64 * 1024
const cohort = createCohorts()

/**
 * One request and its answer. It follows no redirect and keeps nothing. Rejects with the reason of `signal` as soon as that is aborted,
 * with undici's ResponseExceededMaxSizeError where a success has more than `maxBytes`, and with its other errors where nobody answers.
 * undici's own `request` makes a stream of each answer, and takes half as much time again.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Request,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal | null | undefined }
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let controller: Dispatcher.DispatchController | undefined
    let head: Pick<Answer, 'status' | 'headers'> | undefined
    let room = mostOfOthers
    let isSettled = false

    function settle(): void {
      isSettled = true
      signal?.removeEventListener('abort', stop)
    }

    function fail(reason: unknown): void {
      if (isSettled) return
      settle()
      reject(reason)
    }

    function stop(): void {
      const reason: unknown = signal?.reason
      fail(reason)
      controller?.abort(reason as Error)
    }

    function answer(): void {
      if (isSettled || head === undefined) return
      settle()
      const whole = { ...head, body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) }
      resolve(cohort().then(() => whole))
    }

    function cutOff(): void {
      const tooLarge = new errors.ResponseExceededMaxSizeError()
      if (head !== undefined && !isSuccess(head.status)) answer()
      else fail(tooLarge)
      controller?.abort(tooLarge)
    }

    if (signal?.aborted) return stop()
    signal?.addEventListener('abort', stop)
    const options = { ...request, body: request.body ?? null }
    dispatcher.dispatch(options, {
      onRequestStart(started) {
        controller = started
        if (isSettled) started.abort(new Error('nobody waits for the answer any more'))
      },
      onResponseStart(_, status, headers) {
        // What comes before the answer itself says nothing.
        if (status < 200) return
        head = { status, headers }
        if (isSuccess(status)) room = maxBytes
        if (Number(headers['content-length']) > room) cutOff()
      },
      onResponseData(_, chunk) {
        room -= chunk.length
        if (room < 0) cutOff()
        else chunks.push(chunk)
      },
      onResponseEnd: answer,
      onResponseError: (_, error) => fail(error)
    })
  })
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299
}

/** The body as text, without a byte order mark. */
export function textOf({ body }: Pick<Answer, 'body'>): string {
  const text = body.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}
