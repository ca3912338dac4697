import type { Frame } from './frame.ts'
import { type Kind, noteKinds, type ReceivedKind } from './kinds.ts'

/** Where an execution stands; the last five are ends that only an operator's retry leaves. */
export const states = ['queued', 'running', 'parked', 'done', 'dead', 'unknown', 'cancelled', 'refused'] as const
export type State = (typeof states)[number]

/** One accepted message and everything that came of it. `id` is its dedupe key and safe in a URL. */
export interface Execution {
  readonly id: string
  readonly lane: string
  readonly tenant: string
  readonly principal: string
  readonly state: State
  /** When it was accepted, ISO 8601. */
  readonly at: string
  /** The number of frames, also where they were purged. */
  readonly n: number
  /** Claims since the last frame that was not a note: it grows only where a process died or lost its lease at work. */
  readonly claims: number
  /** The token of the claim that may append, or null. */
  readonly token: string | null
  readonly frames: readonly Frame[]
  /** Why its frames are not shown: the key was destroyed, or cannot be had. */
  readonly closed?: 'erased' | 'unreadable'
}

/** The frame that says what happens next: notes are skipped, and a retry points back to the frame it names. */
export function newest(frames: readonly Frame[]): Frame | undefined {
  const last = frames.findLast(frame => !noteKinds.has(frame.kind))
  if (last?.kind === 'work.retried') return frames[last.data.from - 1]
  return last
}

/** The frames since the operator last sent the execution back to work: loops and tries are counted in these. */
export function sinceRetry(frames: readonly Frame[]): readonly Frame[] {
  return frames.slice(frames.findLastIndex(frame => frame.kind === 'work.retried') + 1)
}

/** All frames of one kind, in order. */
export function framesOf<K extends Kind>(frames: readonly Frame[], kind: K): Frame<K>[] {
  return frames.filter(frame => frame.kind === kind) as Frame<K>[]
}

/** The newest frame of one kind, or undefined. */
export function lastOf<K extends Kind>(frames: readonly Frame[], kind: K): Frame<K> | undefined {
  return frames.findLast(frame => frame.kind === kind) as Frame<K> | undefined
}

/** What status callbacks said of the sends of an execution. */
export function callbacksOf(frames: readonly Frame[]): Frame<'reply.delivered' | 'reply.read' | 'reply.failed'>[] {
  return frames.filter(
    frame => frame.kind === 'reply.delivered' || frame.kind === 'reply.read' || frame.kind === 'reply.failed'
  )
}

const receivedKinds: ReadonlySet<string> = new Set<ReceivedKind>([
  'voice.received',
  'text.received',
  'code.received',
  'button.tapped',
  'command.received'
])

/** Frame 1: the message itself. */
export function received(frames: readonly Frame[]): Frame<ReceivedKind> {
  const first = frames[0]
  if (first !== undefined && receivedKinds.has(first.kind)) return first as Frame<ReceivedKind>
  throw new TypeError('an execution begins with the message it came from')
}
