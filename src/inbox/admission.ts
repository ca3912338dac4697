import type { Received } from '../channels/channel.ts'
import type { DataOf } from '../frames/kinds.ts'
import type { Store } from '../store/store.ts'

/** Says whether a person, named by pseudonym, is over the limit; null where there is no limit. */
export type Limited = ((principal: string) => Promise<boolean>) | null

const day = 86_400_000
const minute = 60_000

/** Why a message is kept but not worked, and whether its sender is told (once a window, so that nobody can make us chatter); null lets it in. */
export async function admit(
  { store, allowed }: { store: Store; allowed: (tenant: string, address: string) => boolean },
  tenant: string,
  { principal, isClosed }: { principal: string; isClosed: boolean },
  received: Received,
  limited: Limited
): Promise<DataOf<'message.refused'> | null> {
  const command = received.kind === 'command.received' ? received.data.command : null
  // STOP is everybody's right; whoever sent it is heard.
  if (command === 'stop') return null
  if (!isAllowed(allowed, tenant, received)) {
    return { reason: 'sender-not-allowed', tell: await firstIn(store, `refused:${principal}`, day) }
  }
  if (isClosed && command !== 'start') return { reason: 'opted-out', tell: false }
  // Neither work nor a model: the way back and the way to help stay open to whoever is over the limit.
  if (command !== null) return null
  if (limited !== null && (await limited(principal))) {
    return { reason: 'rate-limited', tell: await firstIn(store, `limited:${principal}`, minute) }
  }
  return null
}

/** Whether judging a message leaves a trace that a repeat of it must not leave again. */
export function leavesTrace(
  allowed: (tenant: string, address: string) => boolean,
  tenant: string,
  received: Received,
  limited: Limited
): boolean {
  return limited !== null || received.kind === 'command.received' || !isAllowed(allowed, tenant, received)
}

function isAllowed(
  allowed: (tenant: string, address: string) => boolean,
  tenant: string,
  { data: { from, externalUser } }: Received
): boolean {
  return allowed(tenant, from) || (externalUser !== undefined && allowed(tenant, externalUser))
}

async function firstIn(store: Store, key: string, windowMs: number): Promise<boolean> {
  return (await store.take(key, windowMs)).count === 1
}
