// A server whose worker ends what it claims without working it: what is measured ends with the claim.
import { startServer } from '../../src/server.ts'
import type { Store } from '../../src/store/store.ts'
import { takeOrders } from './child.ts'
import { machineTime } from './machine-time.ts'

/** When a message was claimed, and whether a ring had woken the worker: otherwise it was its turn to look anyway. */
export interface Claimed {
  readonly at: number
  readonly isRung: boolean
}

const claims = new Map<string, PromiseWithResolvers<Claimed>>()
let isRung = false

takeOrders({
  start: (env: Record<string, string>) =>
    startServer(env, { wrap: ports => ({ ...ports, store: dropping(ports.store) }) }),
  /** Settles once the message is claimed and the worker sleeps again. */
  claimed: (id: string) => claimOf(id).promise
})

function dropping(store: Store): Store {
  return {
    ...store,
    onRing: listener =>
      store.onRing(() => {
        isRung = true
        listener()
      }),
    async claim(options) {
      const wasRung = isRung
      isRung = false
      const claim = await store.claim(options)
      const claimed = { at: machineTime(), isRung: wasRung }
      if (claim === null) return null
      const { lease, execution } = claim
      await store.finish(lease, execution.id, { state: 'done', frames: [], takeNext: false, purgeAt: null })
      claimOf(execution.id).resolve(claimed)
      return null
    }
  }
}

function claimOf(id: string): PromiseWithResolvers<Claimed> {
  const claim = claims.get(id) ?? Promise.withResolvers<Claimed>()
  claims.set(id, claim)
  return claim
}
