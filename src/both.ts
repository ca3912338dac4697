import type { Observe } from './frames/event.ts'

/** Tells two observers instead of one: the log and the metrics hear the same events. */
export function both(first: Observe, second: Observe): Observe {
  return (event, fields) => {
    first(event, fields)
    second(event, fields)
  }
}
