/** A signal that is aborted with its caller's or after a while, whichever comes first. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Whether it was the time that ran out. */
  passed(): boolean
  /** Lets go of the timer and of the caller's signal. */
  clear(): void
}

/** Starts a deadline of `ms`. Unlike AbortSignal.timeout and AbortSignal.any, it leaves nothing behind once it is cleared. */
export function startDeadline(caller: AbortSignal, ms: number): Deadline {
  const controller = new AbortController()
  let passed = false
  const onAbort = () => controller.abort(caller.reason)
  const timer = setTimeout(() => {
    passed = !controller.signal.aborted
    controller.abort(new DOMException('The time is over', 'TimeoutError'))
  }, ms)
  caller.addEventListener('abort', onAbort)
  if (caller.aborted) onAbort()
  return {
    signal: controller.signal,
    passed: () => passed,
    clear() {
      clearTimeout(timer)
      caller.removeEventListener('abort', onAbort)
    }
  }
}
