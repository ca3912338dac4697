import { setTimeout } from 'node:timers/promises'
import type { AuditRecord } from '../audit.ts'
import { deadlineMs } from '../rules.ts'
import type { AuditBatches } from './audit-batches.ts'
import type { Collections, ExecutionDoc } from './collections.ts'
import { within } from './connection.ts'

/** Nobody waits for an outcome to be told: the more go together, the fewer writes it takes. */
const pauseMs = 500

/** Outcomes as they wait in the execution's own document, written by the same compare-and-set as the frames that they tell of. */
export type Untold = Pick<ExecutionDoc, '_id' | 'untold'>

/** Tells what was done, after it was kept in the execution itself. */
export interface Outbox {
  /** Tells soon; where that fails, the next claim of the execution or the sweep does it. */
  tellSoon(executions: readonly Untold[]): void
  /** Tells now, and resolves once it is told. */
  tell(executions: readonly Untold[]): Promise<void>
  /** Tells what waits here, so that who asks now is shown it. */
  tellNow(): Promise<void>
  /** Tells what waits without a pause from now on, and settles once nothing is under way. */
  settled(): Promise<void>
}

/** Records on their way into a document. */
export function untold(records: readonly AuditRecord[] = []): string[] {
  return records.map(record => JSON.stringify(record))
}

/** Makes the outbox: what comes while it tells goes together. A record is taken out of its document once it is told, so none is lost, and none told twice, because of its id. */
export function createOutbox(executions: Collections['executions'], audit: AuditBatches): Outbox {
  let waiting: Untold[] = []
  let telling: Promise<void> | null = null
  const closing = new AbortController()

  async function tell(found: readonly Untold[]): Promise<void> {
    if (found.length === 0) return
    await audit.keep(found.flatMap(({ untold = [] }) => untold.map(json => JSON.parse(json) as AuditRecord)))
    const told = [...new Set(found.flatMap(({ untold = [] }) => untold))]
    const ids = found.map(({ _id }) => _id)
    await executions.updateMany({ _id: { $in: ids }, untold: { $exists: true } }, takingOut(told))
  }

  async function tellNow(): Promise<void> {
    const batch = waiting
    waiting = []
    await within(tell(batch), deadlineMs).catch(() => {})
  }

  async function tellWaiting(): Promise<void> {
    while (waiting.length > 0) {
      await tellNow()
      await setTimeout(pauseMs, undefined, { signal: closing.signal }).catch(() => {})
    }
    telling = null
  }

  return {
    tell,
    tellNow,
    tellSoon(found) {
      waiting.push(...found.filter(({ untold = [] }) => untold.length > 0))
      if (waiting.length > 0) telling ??= tellWaiting()
    },
    async settled() {
      closing.abort()
      await telling
    }
  }
}

/** An empty list goes: the index of what is untold holds nothing else. */
function takingOut(told: readonly string[]) {
  const left = { $setDifference: ['$untold', { $literal: told }] }
  return [
    { $set: { untold: left } },
    { $set: { untold: { $cond: [{ $eq: ['$untold', []] }, '$$REMOVE', '$untold'] } } }
  ]
}
