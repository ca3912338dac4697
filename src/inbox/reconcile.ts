import type { Channel } from '../channels/channel.ts'
import type { Clock } from '../frames/clock.ts'
import type { Observe } from '../frames/event.ts'
import { causeOf, Failure } from '../frames/failure.ts'
import type { Store } from '../store/store.ts'
import type { Limited } from './admission.ts'
import type { Inbox } from './inbox.ts'
import { type Turn, takeTurn } from './reconciler-mark.ts'

const everyMs = 60_000
/** One failure passes by itself; so many in a row leave messages unanswered. */
const alertAfter = 3
/** The limit keeps a flood from the door. Here we ask, for so many at a time, and what it turned away would never be answered. */
const unlimited: Limited = null

/** What the reconciler works with. */
export interface ReconcilerParts {
  readonly store: Store
  readonly clock: Clock
  readonly observe: Observe
  readonly inbox: Inbox
  readonly channelOf: (tenant: string) => Channel
}

/**
 * Asks each minute, the first time at once, for messages that no webhook brought, and accepts them (durability.md 2.5 d). Every
 * process tries; a record of the store lets one of them. Returns the way to stop.
 */
export function keepReconciled(parts: ReconcilerParts & { tenants: readonly string[] }): () => Promise<void> {
  const stopping = new AbortController()
  const reconcilers = parts.tenants.map(tenant => createReconciler(parts, tenant))
  let reconciling: Promise<unknown> | null = null
  const look = () => {
    reconciling ??= Promise.all(reconcilers.map(reconcile => reconcile(stopping.signal))).finally(() => {
      reconciling = null
    })
  }
  const timer = setInterval(look, everyMs)
  timer.unref()
  look()
  return async () => {
    clearInterval(timer)
    stopping.abort()
    await reconciling
  }
}

/** Makes what looks once for the missed messages of a tenant, if it is its turn. It never rejects. */
export function createReconciler(parts: ReconcilerParts, tenant: string): (signal: AbortSignal) => Promise<void> {
  const { observe, clock } = parts
  const work = createWork(parts, tenant)
  let failures = 0
  return async signal => {
    try {
      const turn = await takeTurn(parts, tenant)
      if (turn === null) return
      const started = clock.monotonic()
      let end: Parameters<Turn['end']>[0] = 'not reached'
      try {
        const done = await work(turn.window, signal)
        observe('reconcile.finished', { ...done, ms: clock.monotonic() - started })
        if (done.complete) end = 'reached'
        failures = 0
      } finally {
        await turn.end(signal.aborted && end !== 'reached' ? 'stopped' : end)
      }
    } catch (error) {
      if (signal.aborted) return
      const failure = error instanceof Failure ? error : new Failure('WORK_BROKEN', { cause: error })
      const { code } = failure
      observe('reconcile.failed', { code, cause: causeOf(failure) })
      failures += 1
      if (failures >= alertAfter) observe('alert', { code, execution: null })
    }
  }
}

function createWork({ store, observe, inbox, channelOf }: ReconcilerParts, tenant: string) {
  // Each window holds most of the one before: what is known once need not be read from the store every minute.
  let known: ReadonlySet<string> = new Set()
  return async (window: Turn['window'], signal: AbortSignal) => {
    const met = new Set<string>()
    const isKnown = async (id: string) => {
      const isKept = known.has(id) || (await store.read(id)) !== null
      if (isKept) met.add(id)
      return isKept
    }
    const { received, unreadable, complete } = await channelOf(tenant).listReceived({ ...window, isKnown }, signal)
    known = met
    let accepted = 0
    for (const each of received) {
      signal.throwIfAborted()
      if ((await inbox.accept(tenant, each, unlimited)) === 'duplicate') continue
      observe('message.reconciled', { execution: each.id, kind: each.kind })
      accepted += 1
    }
    return { accepted, unreadable, complete }
  }
}
