import { newest, type State } from '../frames/execution.ts'
import type { Draft, Frame } from '../frames/frame.ts'
import { isKnown, type Kind } from '../frames/kinds.ts'
import { endState } from './end-state.ts'

/** What happens next: an effect or a reading step is run, a pure frame is written, the execution rests, or it is left to a build that knows it. */
export type Plan =
  | { do: 'run'; processor: string; frame: Frame }
  | { do: 'write'; draft: Draft }
  | { do: 'rest'; state: State }
  | { do: 'leave'; n: number }

/** A pure step: it looks at the frames and names the processor that goes on, the frame to write, or the rest. */
export type Route = (frames: readonly Frame[], frame: Frame) => string | Draft | 'rest'

/** The table: the kind of the newest frame, and what takes it. Notes have no entry: they are looked past. */
export type Table = Partial<Record<Kind, string | Route>>

/** Reads an execution and says what happens next. Pure: the same frames give the same plan. */
export function plan(table: Table, frames: readonly Frame[]): Plan {
  const unknown = frames.find(frame => !isKnown(frame.kind, frame.v))
  if (unknown !== undefined) return { do: 'leave', n: unknown.n }
  const frame = newest(frames)
  const entry = frame === undefined ? undefined : table[frame.kind]
  if (frame === undefined || entry === undefined) return { do: 'leave', n: frames.length }
  const next = typeof entry === 'string' ? entry : entry(frames, frame)
  if (typeof next !== 'string') return { do: 'write', draft: next }
  return next === 'rest' ? { do: 'rest', state: endState(frames) } : { do: 'run', processor: next, frame }
}
