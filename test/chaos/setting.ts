import type { Cluster } from './cluster.ts'
import type { Teardown } from './field.ts'
import type { Report } from './verdict.ts'

/** What a case is played in: the replica set, or null for the embedded store, and whether others torment it meanwhile. */
export interface Setting {
  readonly cluster: Cluster | null
  readonly isTormented: boolean
  readonly seed: number
}

/** On which store a case is played, for one that leaves its members alone. */
export interface OnStore {
  readonly cluster: Pick<Cluster, 'uri'> | null
}

/** A case of the suite. */
export type Play = (t: Teardown, setting: Setting) => Promise<Report>
