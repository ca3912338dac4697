import type { Clock } from '../../frames/clock.ts'
import type { AuditRecord } from '../../store/audit.ts'
import type { Store } from '../../store/store.ts'

/** What is kept of a tool: the hash that is good, and another one that was seen since, or null. */
export interface Pin {
  readonly hash: string
  readonly seen: string | null
}

/** What is told of a tool: that it was seen for the first time, that it changed, that the operator took it as it is. */
export type PinAct = 'pinned' | 'changed' | 'accepted'

/** The hashes of tools as they were first seen, kept for good and for every process (AC-2). */
export interface Pins {
  /** Keeps the first hash of a tool; another one later puts it in doubt, and only `accept` ends that. Rejects with STORE_UNAVAILABLE. */
  see(tool: string, hash: string): Promise<'good' | 'changed'>
  /** Whether the tool is good with this hash now, in the eyes of every process. */
  isGood(tool: string, hash: string): Promise<boolean>
  /** Makes a hash the good one. */
  accept(tool: string, hash: string): Promise<void>
}

const of = { tenant: 'server', user: 'server', kind: 'tool-pin' }

/** Makes the pins of a store. `toldOf` makes the audit record of an act, which is kept before the act. */
export function createPins(parts: {
  store: Pick<Store, 'record' | 'putRecord' | 'audit'>
  clock: Pick<Clock, 'now'>
  toldOf: (act: PinAct, tool: string, hash: string, version: number, now: number) => AuditRecord
}): Pins {
  const { store, clock, toldOf } = parts

  /** Reads and writes again until nobody was faster. `next` answers what to write, or null to leave it. */
  async function change(tool: string, hash: string, next: (pin: Pin | null) => { act: PinAct; pin: Pin } | null) {
    const key = { ...of, id: tool }
    while (true) {
      const kept = await store.record(key)
      const [pin, version] = [(kept?.data ?? null) as Pin | null, kept?.version ?? 0]
      const wanted = next(pin)
      if (wanted === null) return pin
      await store.audit([toldOf(wanted.act, tool, hash, version, clock.now())])
      if (await store.putRecord(key, wanted.pin, version)) return wanted.pin
    }
  }

  return {
    async see(tool, hash) {
      const pin = await change(tool, hash, pin => {
        if (pin === null) return { act: 'pinned', pin: { hash, seen: null } }
        if (pin.seen === hash || (pin.seen === null && pin.hash === hash)) return null
        // Also where it is again what it was: who changed it once is looked at.
        return pin.hash === hash ? null : { act: 'changed', pin: { hash: pin.hash, seen: hash } }
      })
      return pin?.hash === hash && pin.seen === null ? 'good' : 'changed'
    },
    async isGood(tool, hash) {
      const pin = ((await store.record({ ...of, id: tool }))?.data ?? null) as Pin | null
      return pin?.hash === hash && pin.seen === null
    },
    async accept(tool, hash) {
      await change(tool, hash, pin =>
        pin?.hash === hash && pin.seen === null ? null : { act: 'accepted', pin: { hash, seen: null } }
      )
    }
  }
}
