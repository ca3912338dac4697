import { setTimeout as wait } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'

const healMs = 6_000

/**
 * Torments a replica set in turns, one member at a time, until it is stopped: the primary is killed and started again, the
 * primary steps down, a member stands still for longer than an election takes. Answers how often members stood still; the
 * failovers are counted by the set.
 */
export function startNemesis(cluster: Cluster): { stop(): Promise<{ frozen: number }> } {
  const ending = new AbortController()
  let frozen = 0
  const torments = [
    () => cluster.killPrimary(1_000),
    () => cluster.stepDown(),
    async () => {
      await cluster.frozen(frozen % 3, () => wait(4_000))
      frozen += 1
    }
  ]
  const working = (async () => {
    for (let turn = 0; !ending.signal.aborted; turn++) {
      await torments[turn % torments.length]?.()
      await wait(healMs, undefined, { signal: ending.signal }).catch(() => {})
    }
  })()
  return {
    async stop() {
      ending.abort()
      await working
      return { frozen }
    }
  }
}
