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
 * Remembers keyrings for `freshMs`; those who ask at the same time share one look. `make` makes an owner's next key and answers the
 * ring with it, or null where somebody else made one first.
 */
export function createKeyCache(parts: {
  load: (owner: KeyOwner) => Promise<Keyring>
  make: (owner: KeyOwner, ring: Keyring) => Promise<Keyring | null>
  now: () => number
  freshMs: number
}) {
  const { load, make, now, freshMs } = parts
  const rings = new Map<string, { at: number; ring: Promise<Keyring> }>()
  const making = new Map<string, Promise<Keyring>>()

  function remember(name: string, look: () => Promise<Keyring>): Promise<Keyring> {
    if (rings.size >= mostOwners) rings.clear()
    const entry = { at: now(), ring: look() }
    rings.set(name, entry)
    entry.ring.catch(() => {
      if (rings.get(name) === entry) rings.delete(name)
    })
    return entry.ring
  }

  function remembered(owner: KeyOwner): Promise<Keyring> | undefined {
    const known = rings.get(nameOf(owner))
    return known !== undefined && now() - known.at < freshMs && now() >= known.at ? known.ring : undefined
  }

  const ringOf = (owner: KeyOwner) => remembered(owner) ?? remember(nameOf(owner), () => load(owner))

  /** Whoever comes meanwhile waits for the same one: an owner has one key, not one a message. */
  function withCurrent(owner: KeyOwner): Promise<Keyring> {
    const name = nameOf(owner)
    const under = making.get(name)
    if (under !== undefined) return under
    const ring = remember(name, async () => {
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
      const ring = await remembered(owner)
      const { keys, current } = ring === undefined || ring.current === null ? await withCurrent(owner) : ring
      const key = current === null ? null : keys.get(current)
      if (current === null || key === undefined || key === null) throw new Failure('KEY_UNAVAILABLE')
      return { id: current, key }
    },
    /** A key by its id: null for a destroyed one, undefined for one that is not there. What is not known may be new: it is looked for once. */
    async byId(owner: KeyOwner, id: string): Promise<KeyObject | null | undefined> {
      const known = (await ringOf(owner)).keys.get(id)
      if (known !== undefined) return known
      return (await remember(nameOf(owner), () => load(owner))).keys.get(id)
    },
    forget: (owner: KeyOwner): void => void rings.delete(nameOf(owner))
  }
}

function nameOf({ tenant, user }: KeyOwner): string {
  return `${tenant}\0${user}`
}
