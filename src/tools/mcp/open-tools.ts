import type { Clock } from '../../frames/clock.ts'
import type { Observe } from '../../frames/event.ts'
import type { Store } from '../../store/store.ts'
import type { Secrets } from '../../vault/secrets.ts'
import { type Catalogue, openCatalogue } from './catalogue.ts'
import type { Patience } from './connection.ts'
import { createConnections } from './connections.ts'
import { createPins } from './pins.ts'
import type { ServerSettings } from './server-settings.ts'

const patience: Patience = { openMs: 10_000, callMs: 30_000 }

/**
 * Opens the tools of the operator's MCP servers. It answers once each server has answered or its time is over: one that is down stops
 * nothing, and its tools are offered as soon as it is there. The lists are asked for with the secrets of `tenant`.
 */
export async function openTools(parts: {
  servers: readonly ServerSettings[]
  taken: ReadonlySet<string>
  tenant: string
  secrets: Secrets
  store: Pick<Store, 'record' | 'putRecord' | 'audit'>
  toldOf: Parameters<typeof createPins>[0]['toldOf']
  clock: Clock
  observe: Observe
  patience?: Patience
}): Promise<Catalogue> {
  let catalogue: Catalogue | null = null
  const connections = createConnections({ patience, ...parts, onChange: server => void catalogue?.refresh(server) })
  catalogue = await openCatalogue({ ...parts, connections, pins: createPins(parts) })
  return catalogue
}
