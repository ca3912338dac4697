import type { State } from '../frames/execution.ts'

/** One line of the list of conversations. */
export interface ConversationSummary {
  readonly id: string
  readonly tenant: string
  readonly lastAt: string
  readonly executions: readonly { readonly id: string; readonly state: State; readonly at: string }[]
}

/** How much waits: numbers for `/metrics`. `oldestMs` is the age of the oldest open execution, `unsealedMs` that of the oldest audit record in no block; 0 for none. */
export interface Depth {
  readonly queued: number
  readonly running: number
  readonly parked: number
  readonly oldestMs: number
  readonly unsealedMs: number
}

/** What a pass of the sweeper did. */
export interface Swept {
  readonly rung: number
  readonly blobs: number
  readonly purged: number
}
