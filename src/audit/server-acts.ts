import type { Clock } from '../frames/clock.ts'
import type { AuditRecord } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import { record } from './record.ts'
import type { RefusalCounts } from './refusal-counts.ts'

/** The tenant of what the server does for itself. */
export const serverTenant = 'server'

const everyMs = 60_000

/** What the acts of one process are told with; `owner` names it. */
export interface ServerActsParts {
  readonly store: Pick<Store, 'audit'>
  readonly clock: Clock
  readonly owner: string
  readonly refusals: RefusalCounts
}

/**
 * Tells that the server starts, and each minute how many webhooks it refused. Rejects with STORE_UNAVAILABLE. Returns the way to end
 * it, which tells that the server stops, where the store can still be reached.
 */
export async function tellServerActs(
  parts: ServerActsParts,
  detail: AuditRecord['detail']
): Promise<(why: string) => Promise<void>> {
  const { store, clock, owner, refusals } = parts
  const act = (what: 'start' | 'stop', more: AuditRecord['detail']) =>
    serverRecord(`server:${owner}:${what}`, clock.now(), `server.${what}`, 'done', more)

  async function tellRefusals(which: 'over' | 'all', more: readonly AuditRecord[] = []): Promise<void> {
    const counts = refusals.take(which)
    const records = counts.map(({ minute, reason, count }) =>
      serverRecord(`refused:${owner}:${minute}:${reason}`, Date.parse(minute), 'webhook.refuse', 'refused', {
        reason,
        count
      })
    )
    try {
      if (records.length + more.length > 0) await store.audit([...records, ...more])
    } catch {
      // Told a minute later.
      refusals.putBack(counts)
    }
  }

  await store.audit([act('start', detail)])
  let telling = Promise.resolve()
  const timer = setInterval(() => {
    telling = telling.then(() => tellRefusals('over'))
  }, everyMs)
  timer.unref()
  return async why => {
    clearInterval(timer)
    await telling
    await tellRefusals('all', [act('stop', { why })])
  }
}

function serverRecord(
  id: string,
  at: number,
  action: string,
  outcome: string,
  detail: AuditRecord['detail']
): AuditRecord {
  const said = { id, tenant: serverTenant, at: new Date(at).toISOString(), actor: 'server', action, execution: null }
  return record({ ...said, outcome, detail })
}
