import { toolAct } from './audit/tool-act.ts'
import type { Config } from './config.ts'
import type { Clock } from './frames/clock.ts'
import type { Observe } from './frames/event.ts'
import type { Store } from './store/store.ts'
import type { Catalogue } from './tools/mcp/catalogue.ts'
import type { Tool } from './tools/tool.ts'
import type { Secrets } from './vault/secrets.ts'

/** Opens the tools of TOOLS_FILE beside our own `tools`; undefined where it names no server. */
export async function openRemoteTools(
  { toolServers: servers, account }: Pick<Config, 'toolServers' | 'account'>,
  parts: { store: Store; clock: Clock; observe: Observe; tools: readonly Tool[]; secrets: Secrets }
): Promise<Catalogue | undefined> {
  if (servers.length === 0) return undefined
  // Loaded here, because only those who have other servers should pay for the client.
  const { openTools } = await import('./tools/mcp/open-tools.ts')
  const taken = new Set(parts.tools.map(({ name }) => name))
  return openTools({ ...parts, servers, taken, tenant: account.sid, toldOf: toolAct })
}
