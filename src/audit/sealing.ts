import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../frames/clock.ts'
import type { Observe } from '../frames/event.ts'
import { appendLines } from '../store/durable-file.ts'
import type { Store } from '../store/store.ts'
import type { AuditKey } from '../vault/audit-key.ts'
import { signHead } from './heads.ts'

const lookEveryMs = 1_000
const headsEveryMs = 3_600_000
const alertEveryMs = 60_000
/** A store that does not answer must not hold up a stop: what is left is sealed after the next start. */
const stopMs = 3_000

/** What seals: `file` is where signed heads are appended. */
export interface SealingParts {
  readonly store: Pick<Store, 'seal' | 'auditHeads'>
  readonly clock: Clock
  readonly observe: Observe
  readonly key: AuditKey
  readonly file: string
}

/**
 * Seals each second what was told since, and each hour appends the signed heads of the chains that went on to a file outside the
 * store, and to the log. Every process does. Returns the way to stop, which does both once more.
 */
export function keepSealed(parts: SealingParts): () => Promise<void> {
  const { store, clock, observe } = parts
  const tellHeads = createHeadsTeller(parts)
  let headsAt = Number.NEGATIVE_INFINITY
  let alertAt = Number.NEGATIVE_INFINITY

  async function pass(isLast: boolean): Promise<void> {
    const started = clock.monotonic()
    try {
      const records = await store.seal()
      if (records > 0) observe('audit.sealed', { records, ms: clock.monotonic() - started })
      if (!isLast && started - headsAt < headsEveryMs) return
      // Before anything is sealed there are none, and the hour begins with the first.
      if ((await tellHeads()) > 0) headsAt = started
    } catch {
      // The store says no for now, and who cannot write to it says so elsewhere: it is asked again in a second.
      if (started - alertAt < alertEveryMs) return
      alertAt = started
      observe('alert', { code: 'STORE_UNAVAILABLE', execution: null })
    }
  }

  let passing: Promise<void> | null = null
  const timer = setInterval(() => {
    passing ??= pass(false).finally(() => {
      passing = null
    })
  }, lookEveryMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    const last = Promise.resolve(passing).then(() => pass(true))
    await Promise.race([last, wait(stopMs, undefined, { ref: false })])
  }
}

/** Makes what appends the heads that are not told yet; it answers how many chains there are. */
function createHeadsTeller({ store, clock, observe, key, file }: SealingParts): () => Promise<number> {
  const told = new Map<string, number>()
  return async () => {
    const all = await store.auditHeads()
    const heads = all.filter(({ tenant, n }) => told.get(tenant) !== n).map(head => signHead(head, key, clock.now()))
    for (const { tenant, n, hash, signature } of heads) observe('audit.head', { tenant, n, hash, signature })
    try {
      await appendLines(file, heads)
      for (const { tenant, n } of heads) told.set(tenant, n)
    } catch {
      observe('alert', { code: 'AUDIT_HEADS_NOT_KEPT', execution: null })
    }
    return all.length
  }
}
