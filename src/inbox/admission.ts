import type { Received } from '../channels/channel.ts'
import type { DataOf } from '../frames/kinds.ts'
import type { Store } from '../store/store.ts'
import { isClosed } from './opt-out.ts'

const day = 86_400_000
const minute = 60_000

/** Why a message is kept but not worked, and whether its sender is told (once a window, so that nobody can make us chatter); null lets it in. */
export async function admit(
  { store, allowed }: { store: Store; allowed: (tenant: string, address: string) => boolean },
  tenant: string,
  principal: string,
  received: Received,
  limited: (principal: string) => Promise<boolean>
): Promise<DataOf<'message.refused'> | null> {
  const { from, externalUser } = received.data
  // STOP is everybody's right; whoever sent it is heard.
  if (received.kind === 'command.received' && received.data.command === 'stop') return null
  if (!allowed(tenant, from) && !(externalUser !== undefined && allowed(tenant, externalUser))) {
    return { reason: 'sender-not-allowed', tell: await firstIn(store, `refused:${principal}`, day) }
  }
  if (await isClosed({ store }, tenant, principal)) return { reason: 'opted-out', tell: false }
  if (await limited(principal)) {
    return { reason: 'rate-limited', tell: await firstIn(store, `limited:${principal}`, minute) }
  }
  return null
}

async function firstIn(store: Store, key: string, windowMs: number): Promise<boolean> {
  return (await store.take(key, windowMs)).count === 1
}
