import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Observe } from '../frames/event.ts'
import type { Store } from '../store/store.ts'
import type { Table } from './pipeline.ts'
import type { Processor } from './processor.ts'

/** What the worker works with: the table, the processors it names, and `announceDelay`, which tells a person once that it takes longer. */
export interface Engine {
  readonly store: Store
  readonly table: Table
  readonly processors: ReadonlyMap<string, Processor>
  readonly announceDelay: Processor
  readonly clock: Clock
  readonly entropy: Entropy
  readonly observe: Observe
}
