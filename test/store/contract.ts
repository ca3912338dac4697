import type { Test } from 'tap'
import type { Store } from '../../src/store/store.ts'
import { acceptance } from './contract/acceptance.ts'
import { approvals } from './contract/approvals.ts'
import { audit } from './contract/audit.ts'
import { documents } from './contract/documents.ts'
import { housekeeping } from './contract/housekeeping.ts'
import { journals } from './contract/journals.ts'
import { leases } from './contract/leases.ts'
import { sealing } from './contract/sealing.ts'
import { views } from './contract/views.ts'

/** A store opened empty for one test, with what the suite needs to move it. The opener closes it when the test is over. */
export interface OpenedStore {
  store: Store
  /** The clock that the store goes by; `advance` moves it, also backwards. */
  clock: { now(): number; advance(ms: number): void }
  /** Takes the ring of a lane away behind the store's back, as a crash between an acceptance and its ring does. */
  forgetRing(lane: string): Promise<void>
}

/** The promises of the Store port, to be kept by every adapter unchanged. */
export function contract(t: Test, openStore: (t: Test) => Promise<OpenedStore>): void {
  const test = (title: string, body: (t: Test, opened: OpenedStore) => Promise<void>) =>
    t.test(title, async t => body(t, await openStore(t)))

  acceptance(test)
  leases(test)
  journals(test)
  approvals(test)
  housekeeping(test)
  documents(test)
  audit(test)
  sealing(test)
  views(test)
}

/** How a part of the suite states a promise. */
export type Suite = (title: string, body: (t: Test, opened: OpenedStore) => Promise<void>) => void
