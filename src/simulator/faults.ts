import type { ServerResponse } from 'node:http'
import { answer, answerJson } from './loopback.ts'

/** A misbehaviour on demand. Without `hang`, `cut` or `garbage` the answer is an error with `status` (500) and `code`. */
export interface Fault {
  /** The kind of request that it waits for; the stand-in says which kinds it has and which is meant by default. */
  readonly on?: string
  /** How many requests it meets; 1 by default. */
  readonly times?: number
  readonly status?: number
  readonly code?: number | string
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter?: number
  /** Never answers. */
  readonly hang?: boolean
  /** Cuts the connection instead of answering. */
  readonly cut?: boolean
  /** Answers 200 with half a JSON document. */
  readonly garbage?: boolean
  /** Does what was asked first: the caller cannot know that it happened. */
  readonly afterTaking?: boolean
}

/** The faults that still wait for their request, first in, first met. */
export interface Faults {
  add(fault: Fault): void
  take(on: string): Fault | null
}

/** Makes an empty queue of faults; `defaultOn` is the kind that a fault without `on` waits for. */
export function createFaults(defaultOn: string): Faults {
  const waiting: { fault: Fault; on: string; left: number }[] = []
  return {
    add: fault => void waiting.push({ fault, on: fault.on ?? defaultOn, left: fault.times ?? 1 }),
    take(on) {
      const index = waiting.findIndex(entry => entry.on === on)
      const entry = waiting[index]
      if (entry === undefined) return null
      entry.left--
      if (entry.left <= 0) waiting.splice(index, 1)
      return entry.fault
    }
  }
}

/** Answers as the fault says; `body` is the error document in the words of the API that is stood in for. */
export function misbehave(response: ServerResponse, fault: Fault, body: object): void {
  if (fault.hang === true) return
  if (fault.retryAfter !== undefined) response.setHeader('Retry-After', String(fault.retryAfter))
  if (fault.cut === true) response.destroy()
  else if (fault.garbage === true) answer(response, 200, 'application/json', '{"id":"half-an-ans')
  else answerJson(response, statusOf(fault), body)
}

/** The HTTP status that a fault leads to; 0 where nothing is answered. */
export function statusOf(fault: Fault): number {
  if (fault.hang === true || fault.cut === true) return 0
  return fault.garbage === true ? 200 : (fault.status ?? 500)
}
