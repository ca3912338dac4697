import { setImmediate } from 'node:timers/promises'
import type { AuditRecord } from '../audit.ts'
import { unavailable } from '../rules.ts'
import type { AuditDoc, Collections } from './collections.ts'
import { duplicatesIn } from './connection.ts'

/** While one batch waits for the majority the next one is written. */
const maxInFlight = 2

interface Waiter {
  readonly records: readonly AuditRecord[]
  resolve(): void
  reject(error: unknown): void
}

/** Keeps audit records. `keep` resolves once most members have all of them; one that is there already stays as it is. */
export interface AuditBatches {
  keep(records: readonly AuditRecord[]): Promise<void>
  /** Settles once nothing is under way. */
  settled(): Promise<void>
}

/** Inserts together whatever is told while earlier batches are in flight, of all lanes: one wait for the majority serves all of it. */
export function createAuditBatches(audit: Collections['audit']): AuditBatches {
  let queue: Waiter[] = []
  const inFlight = new Set<Promise<void>>()

  function pump(): void {
    if (inFlight.size >= maxInFlight || queue.length === 0) return
    const batch = queue
    queue = []
    const flight = write(batch).finally(() => {
      inFlight.delete(flight)
      pump()
    })
    inFlight.add(flight)
  }

  async function write(batch: readonly Waiter[]): Promise<void> {
    try {
      await insert(batch.flatMap(({ records }) => records.map(toDoc)))
      for (const waiter of batch) waiter.resolve()
    } catch (error) {
      for (const waiter of batch) waiter.reject(error)
    }
  }

  /** The server waits for the majority also where it refuses what it knows: what is there already is as safe as what is new. */
  async function insert(docs: readonly AuditDoc[]): Promise<void> {
    try {
      const { insertedCount } = await audit.insertMany(docs, { ordered: false })
      if (insertedCount === docs.length) return
    } catch (error) {
      if (duplicatesIn(error, docs.length) === null) throw error
      return
    }
    throw unavailable('the store does not account for every audit record')
  }

  return {
    keep: async records => {
      if (records.length === 0) return
      await new Promise<void>((resolve, reject) => {
        queue.push({ records, resolve, reject })
        globalThis.setImmediate(pump)
      })
    },
    async settled() {
      while (queue.length + inFlight.size > 0) await Promise.all([...inFlight, setImmediate()])
    }
  }
}

function toDoc({ id, at, detail, ...rest }: AuditRecord): AuditDoc {
  return { _id: id, at: new Date(at), detail: JSON.stringify(detail), ...rest }
}
