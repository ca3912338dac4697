import type { Clock } from '../frames/clock.ts'
import { Failure } from '../frames/failure.ts'
import type { ToolClass } from '../frames/kinds.ts'
import type { AuditRecord } from '../store/audit.ts'
import type { Store } from '../store/store.ts'

/** What is about to be done, as far as a switch can stop it. */
export interface About {
  readonly tenant: string
  readonly principal: string
  readonly tool?: string
  readonly class?: ToolClass
  readonly model?: boolean
}

/** A switch that is off, and since when (ISO 8601). */
export interface SwitchedOff {
  readonly target: string
  readonly since: string
}

/** The kill switch: what the operator has switched off, for every process of the server within a second. */
export interface Switches {
  /** The target that stops it, or null. Rejects with STORE_UNAVAILABLE where nobody can tell: then it is not to be done. */
  stops(about: About): Promise<string | null>
  list(): Promise<SwitchedOff[]>
  /** Switches a target off or on again, and tells the audit of it and of who did. Throws SWITCH_UNKNOWN for a target of no kind. */
  set(target: string, isOff: boolean, by?: 'operator' | 'server'): Promise<void>
}

const of = { tenant: 'server', user: 'server', kind: 'switch' }
const known = /^(?:all|model|(?:tenant|principal|tool):[\w:.-]{1,100}|class:(?:R0|R1|W0|W1|D|X|H|K))$/
const mostListed = 1_000
/** A look is good for so long. */
const freshMs = 500

/** Makes the switches of a store. `toldOf` makes the audit record of an act. */
export function createSwitches(parts: {
  store: Pick<Store, 'record' | 'records' | 'putRecord' | 'audit'>
  clock: Clock
  toldOf: (target: string, isOff: boolean, now: number, by: 'operator' | 'server') => AuditRecord
}): Switches {
  const { store, clock, toldOf } = parts
  let looked: { at: number; targets: Promise<ReadonlySet<string>> } | null = null

  async function list(): Promise<SwitchedOff[]> {
    const records = await store.records(of, { limit: mostListed })
    return records.map(({ id, data }) => ({ target: id, since: (data as { since: string }).since }))
  }

  function targets(): Promise<ReadonlySet<string>> {
    const now = clock.monotonic()
    if (looked === null || now - looked.at >= freshMs || now < looked.at) {
      const look = list().then(off => new Set(off.map(({ target }) => target)))
      looked = { at: now, targets: look }
      look.catch(() => {
        looked = null
      })
    }
    return looked.targets
  }

  return {
    list,
    async stops({ tenant, principal, tool, class: toolClass, model }) {
      const off = await targets()
      if (off.size === 0) return null
      const about = ['all', `tenant:${tenant}`, `principal:${principal}`, `tool:${tool}`, `class:${toolClass}`]
      return [...about, ...(model ? ['model'] : [])].find(target => off.has(target)) ?? null
    },
    async set(target, isOff, by = 'operator') {
      if (!known.test(target)) throw new Failure('SWITCH_UNKNOWN')
      await store.audit([toldOf(target, isOff, clock.now(), by)])
      const key = { ...of, id: target }
      while (true) {
        const kept = await store.record(key)
        if ((kept !== null) === isOff) break
        const data = isOff ? { since: new Date(clock.now()).toISOString() } : null
        if (await store.putRecord(key, data, kept?.version ?? 0)) break
      }
      looked = null
    }
  }
}
