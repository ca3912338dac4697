import type { Execution } from '../frames/execution.ts'
import type { Draft, Frame } from '../frames/frame.ts'
import type { Extras } from '../store/store.ts'

/** What a processor sees: the execution, the frame it takes, and the signal that ends it early. */
export interface Work {
  readonly execution: Execution
  readonly frame: Frame
  /** The bytes that are kept with `frame`, where they are still at hand; the store has them otherwise. */
  readonly bytes?: Uint8Array | undefined
  readonly signal: AbortSignal
}

/** What a processor makes: the next frame, and what is kept with it. */
export interface Product {
  readonly draft: Draft
  readonly extras?: Extras
}

/** One step of the work. It reads frames and answers the next; it never writes to the store and never looks for hidden state. */
export interface Processor {
  readonly name: string
  /** For an effect: looks at what `run` must know. What waits here waits before the last look at the lease, and not between it and the effect. */
  prepare?(work: Work): Promise<void>
  /**
   * Does the step. For an effect it is called only under the claim that wrote the started-frame, once that is on disk; a step
   * without one begins while the frame that it takes is still being written.
   */
  run(work: Work): Promise<Product>
  /** Only effects have it: meets a started-frame of an earlier claim, finds out what happened and answers accordingly. */
  recover?(work: Work): Promise<Product>
}

/** Thrown by a processor that can only go on later: the lane is let go until `at` (ms), and nothing counts as failed. */
export class Later extends Error {
  override readonly name = 'Later'
  readonly at: number

  constructor(at: number) {
    super('later')
    this.at = at
  }
}
