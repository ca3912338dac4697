import type { Clock } from '../frames/clock.ts'
import type { Store } from '../store/store.ts'
import { changePerson, readPerson } from './person-record.ts'

/** Records that a person wants no more messages. Idempotent. */
export async function closeLine(
  { store, clock }: { store: Store; clock: Clock },
  tenant: string,
  principal: string
): Promise<void> {
  const closedAt = new Date(clock.now()).toISOString()
  await changePerson(store, tenant, principal, record =>
    record.closedAt === undefined ? { ...record, closedAt } : record
  )
}

/** Takes the opt-out of a person back. Idempotent. */
export async function openLine({ store }: { store: Store }, tenant: string, principal: string): Promise<void> {
  await changePerson(store, tenant, principal, record => {
    const { closedAt, ...rest } = record
    return closedAt === undefined ? record : rest
  })
}

/** Whether a person asked for no more messages: every send asks this first. */
export async function isClosed({ store }: { store: Store }, tenant: string, principal: string): Promise<boolean> {
  return (await readPerson(store, tenant, principal)).closedAt !== undefined
}
