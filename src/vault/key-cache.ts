import type { KeyObject } from 'node:crypto'
import { Failure } from '../frames/failure.ts'

/** Whose content a key seals. */
export interface KeyOwner {
  readonly tenant: string
  readonly user: string
}

/** The keys of an owner by id, null for one that was destroyed; `current` is the one to seal with. */
export interface Keyring {
  readonly keys: ReadonlyMap<string, KeyObject | null>
  readonly current: string | null
}

const mostOwners = 10_000

/**
 * Remembers keyrings until keys were erased anywhere (`erasures` counts that, and is asked again after `freshMs`); those who ask at the
 * same time share one look. `make` makes an owner's next key and answers the ring with it, or null where somebody else made one first.
 */
export function createKeyCache(parts: {
  load: (owner: KeyOwner) => Promise<Keyring>
  make: (owner: KeyOwner, ring: Keyring) => Promise<Keyring | null>
  erasures: () => Promise<number>
  now: () => number
  freshMs: number
}) {
  const { load, make, erasures, now, freshMs } = parts
  const rings = new Map<string, { erasures: number; ring: Promise<Keyring> }>()
  const making = new Map<string, Promise<Keyring>>()
  let counted = { at: now(), count: Promise.resolve(0) }

  function erasuresBefore(): Promise<number> {
    const at = now()
    if (at >= counted.at && at - counted.at < freshMs) return counted.count
    const before = counted
    const look = { at, count: erasures() }
    counted = look
    look.count.catch(() => {
      if (counted === look) counted = before
    })
    return look.count
  }

  /** `count` was counted before the look: who is erased after that is noticed by the next count. */
  function remember(name: string, count: number, look: () => Promise<Keyring>): Promise<Keyring> {
    if (rings.size >= mostOwners) rings.clear()
    const entry = { erasures: count, ring: look() }
    rings.set(name, entry)
    entry.ring.catch(() => {
      if (rings.get(name) === entry) rings.delete(name)
    })
    return entry.ring
  }

  function remembered(owner: KeyOwner, count: number): Promise<Keyring> | undefined {
    const known = rings.get(nameOf(owner))
    return known?.erasures === count ? known.ring : undefined
  }

  /** Whoever comes meanwhile waits for the same one: an owner has one key, not one a message. */
  function withCurrent(owner: KeyOwner, count: number): Promise<Keyring> {
    const name = nameOf(owner)
    const under = making.get(name)
    if (under !== undefined) return under
    const ring = remember(name, count, async () => {
      const found = await load(owner)
      if (found.current !== null) return found
      return (await make(owner, found)) ?? load(owner)
    }).finally(() => making.delete(name))
    making.set(name, ring)
    return ring
  }

  return {
    /** The key to seal with, made where there is none. Throws KEY_UNAVAILABLE where none can be had. */
    async current(owner: KeyOwner): Promise<{ id: string; key: KeyObject }> {
      const count = await erasuresBefore()
      const ring = await remembered(owner, count)
      const { keys, current } = ring === undefined || ring.current === null ? await withCurrent(owner, count) : ring
      const key = current === null ? null : keys.get(current)
      if (current === null || key === undefined || key === null) throw new Failure('KEY_UNAVAILABLE')
      return { id: current, key }
    },
    /** A key by its id: null for a destroyed one, undefined for one that is not there. What is not known may be new: it is looked for once. */
    async byId(owner: KeyOwner, id: string): Promise<KeyObject | null | undefined> {
      const count = await erasuresBefore()
      const known = (await remembered(owner, count))?.keys.get(id)
      if (known !== undefined) return known
      return (await remember(nameOf(owner), count, () => load(owner))).keys.get(id)
    },
    forget: (owner: KeyOwner): void => void rings.delete(nameOf(owner))
  }
}

function nameOf({ tenant, user }: KeyOwner): string {
  return `${tenant}\0${user}`
}
