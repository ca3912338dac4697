import type { Clock } from '../frames/clock.ts'
import { startDeadline } from '../frames/deadline.ts'
import { Failure } from '../frames/failure.ts'
import type { Secret } from './secret.ts'
import type { KeptSecret, SecretScope, SecretSource, Secrets } from './secrets.ts'

/** Without a slash, a dot or two dashes in a row: a name is the same everywhere, and names nothing else. */
const names = /^[a-z][a-z0-9]{0,62}(?:-[a-z0-9]{1,62}){0,8}$/
const tenants = /^[A-Za-z0-9]{1,64}$/
/** A secret is kept in memory for so long, ms: so long does one that was changed or withdrawn still count. */
const freshMs = 60_000
const mostKept = 1_000

/**
 * Makes the secrets of a source: looked up under the tenant of the call and nowhere else, and given to the tools that may have them.
 * `handedOut` hears of each one before anybody has it. A lookup may take `timeoutMs`.
 */
export function createSecrets(parts: {
  source: SecretSource
  clock: Pick<Clock, 'monotonic'>
  handedOut: (secret: Secret<string>) => void
  timeoutMs?: number
}): Secrets {
  const { source, clock, handedOut, timeoutMs = 5_000 } = parts
  const kept = new Map<string, { readonly at: number; readonly secret: KeptSecret }>()
  for (const secret of source.known?.() ?? []) handedOut(secret)

  async function look(tenant: string, name: string): Promise<KeptSecret> {
    const key = `${tenant}\n${name}`
    const now = clock.monotonic()
    for (const [other, { at }] of kept) if (now - at >= freshMs || now < at) kept.delete(other)
    const known = kept.get(key)
    if (known !== undefined) return known.secret
    const secret = await ask(tenant, name)
    if (kept.size < mostKept) kept.set(key, { at: now, secret })
    return secret
  }

  async function ask(tenant: string, name: string): Promise<KeptSecret> {
    const deadline = startDeadline(new AbortController().signal, timeoutMs)
    try {
      const secret = await Promise.race([source.read(tenant, name, deadline.signal), ended(deadline.signal)])
      if (secret === null) throw unavailable('none')
      return secret
    } catch (error) {
      throw error instanceof Failure ? error : unavailable(deadline.passed() ? 'timeout' : 'source')
    } finally {
      deadline.clear()
    }
  }

  return {
    async withSecret(name, { tenant, tool }: SecretScope, use) {
      if (!names.test(name) || !tenants.test(tenant)) throw unavailable('name')
      const { value, tools } = await look(tenant, name)
      if (tools !== undefined && !tools.some(pattern => fits(pattern, tool))) throw unavailable('tool')
      handedOut(value)
      return value.lend(use)
    }
  }
}

/** Rejects with the signal: also where a source does not heed it. */
function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
}

function fits(pattern: string, tool: string): boolean {
  return pattern.endsWith('*') ? tool.startsWith(pattern.slice(0, -1)) : tool === pattern
}

/** Why, in a word of ours: what a source says never goes further than here. */
function unavailable(code: 'none' | 'name' | 'tool' | 'source' | 'timeout'): Failure {
  return new Failure('SECRET_UNAVAILABLE', { cause: { code } })
}
