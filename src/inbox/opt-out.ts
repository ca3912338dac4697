import type { Clock } from '../frames/clock.ts'
import type { RecordKey, Store } from '../store/store.ts'

/** Records that a person wants no more messages. Idempotent. */
export async function closeLine(
  { store, clock }: { store: Store; clock: Clock },
  tenant: string,
  principal: string
): Promise<void> {
  await store.putRecord(key(tenant, principal), { at: new Date(clock.now()).toISOString() }, 0)
}

/** Takes the opt-out of a person back. Idempotent. */
export async function openLine({ store }: { store: Store }, tenant: string, principal: string): Promise<void> {
  const record = await store.record(key(tenant, principal))
  if (record !== null) await store.putRecord(key(tenant, principal), null, record.version)
}

/** Whether a person asked for no more messages: every send asks this first. */
export async function isClosed({ store }: { store: Store }, tenant: string, principal: string): Promise<boolean> {
  return (await store.record(key(tenant, principal))) !== null
}

function key(tenant: string, principal: string): RecordKey {
  return { tenant, user: principal, kind: 'opt-out', id: 'all' }
}
