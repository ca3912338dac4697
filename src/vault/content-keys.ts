import { createSecretKey, type KeyObject } from 'node:crypto'
import { close, type Envelope, open } from '../frames/cipher.ts'
import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import { Failure } from '../frames/failure.ts'
import { createKeyCache, type KeyOwner, type Keyring } from './key-cache.ts'
import type { MasterKeys } from './master-keys.ts'

/** A key as it is kept: wrapped, then on its way to be destroyed (it opens and seals no more), then gone but for its name. */
export type KeptContentKey =
  | { readonly state: 'active' | 'erasing'; readonly wrapped: string }
  | { readonly state: 'destroyed'; readonly at: string }

/** Where the wrapped keys of owners are kept, by compare-and-set on their version (0: it must not exist). */
export interface KeptContentKeys {
  list(owner: KeyOwner): Promise<{ id: string; version: number; data: KeptContentKey }[]>
  put(owner: KeyOwner, id: string, data: KeptContentKey, expected: number): Promise<boolean>
  /** The name of the master key that new keys are wrapped by, or null for the first one. */
  turned(): Promise<string | null>
  /** How often keys were marked or destroyed, of whomever. */
  erasures(): Promise<number>
  /** Counts one more; after the keys themselves were written. */
  countErasure(): Promise<void>
}

/** Other processes of a shared store may go on with a key for so long after it was marked or destroyed, ms. */
export const keyCacheMs = 10_000

const idBytes = 8

/**
 * A key for each user, made with their first message and wrapped by the master key: what is sealed under it is gone when it is.
 * Sealed bytes begin with the id of their key; tenant, user and place are bound to them (AES-256-GCM, additional data).
 * `isShared`: other processes work on the store too, so that it is asked now and then whether one of them erased somebody.
 */
export function createContentKeys(parts: {
  masterKeys: MasterKeys
  kept: KeptContentKeys
  clock: Clock
  entropy: Entropy
  isShared: boolean
}) {
  const { masterKeys, kept, clock, entropy, isShared } = parts
  const freshMs = isShared ? keyCacheMs : Number.POSITIVE_INFINITY
  const cache = createKeyCache({ load, make, erasures: kept.erasures, now: () => clock.monotonic(), freshMs })

  async function load(owner: KeyOwner): Promise<Keyring> {
    const keys = new Map<string, KeyObject | null>()
    let current: string | null = null
    for (const { id, data } of await kept.list(owner)) {
      if (data.state === 'destroyed') {
        keys.set(id, null)
        continue
      }
      const unwrapped = masterKeys.unwrap(labelOf(owner, id), data.wrapped)
      // One that does not open is as good as one that is not there.
      if (unwrapped === null) continue
      keys.set(id, createSecretKey(unwrapped.key))
      if (data.state === 'active') current ??= id
    }
    return { keys, current }
  }

  async function make(owner: KeyOwner, { keys }: Keyring): Promise<Keyring | null> {
    const id = entropy.bytes(idBytes).toString('hex')
    const key = entropy.bytes(32)
    const wrapped = wrap(labelOf(owner, id), key, await kept.turned())
    if (!(await kept.put(owner, id, { state: 'active', wrapped }, 0))) return null
    return { keys: new Map([...keys, [id, createSecretKey(key)]]), current: id }
  }

  function wrap(label: string, key: Buffer, turned: string | null): string {
    try {
      return masterKeys.wrap(label, key, turned)
    } catch (cause) {
      throw new Failure('KEY_UNAVAILABLE', { cause })
    }
  }

  return {
    async enclose(owner: KeyOwner, pieces: readonly Unsealed[]): Promise<Envelope[]> {
      const { id: keyId, key } = await cache.current(owner)
      return pieces.map(({ place, content }) => ({ key, keyId, label: sealLabel(owner, place, keyId), content }))
    },
    close: (envelope: Envelope): Buffer => close(envelope, entropy),
    open(owner: KeyOwner, pieces: readonly { place: string; bytes: Uint8Array }[]): Promise<(Buffer | null)[]> {
      return Promise.all(
        pieces.map(async ({ place, bytes }) => {
          const id = Buffer.from(bytes.subarray(0, idBytes)).toString('hex')
          const key = await cache.byId(owner, id)
          if (key === undefined) throw new Failure('KEY_UNAVAILABLE')
          return key === null ? null : opened(key, sealLabel(owner, place, id), bytes.subarray(idBytes))
        })
      )
    },
    /** Marks the keys of an owner: nothing more is sealed with them here. Answers their ids. */
    async mark(owner: KeyOwner): Promise<string[]> {
      await moveAll(owner, ({ data }) => (data.state === 'active' ? { ...data, state: 'erasing' } : null))
      const keys = await kept.list(owner)
      return keys.filter(({ data }) => data.state === 'erasing').map(({ id }) => id)
    },
    /** Destroys keys: what they sealed cannot be opened again by anybody. Idempotent. */
    async destroy(owner: KeyOwner, ids: readonly string[]): Promise<void> {
      const at = new Date(clock.now()).toISOString()
      await moveAll(owner, ({ id, data }) =>
        data.state !== 'destroyed' && ids.includes(id) ? { state: 'destroyed', at } : null
      )
    }
  }

  async function moveAll(
    owner: KeyOwner,
    change: (key: { id: string; data: KeptContentKey }) => KeptContentKey | null
  ): Promise<void> {
    for (let again = true; again; ) {
      again = false
      for (const { id, version, data } of await kept.list(owner)) {
        const to = change({ id, data })
        if (to !== null && !(await kept.put(owner, id, to, version))) again = true
      }
    }
    cache.forget(owner)
    await kept.countErasure()
  }
}

type Unsealed = { readonly place: string; readonly content: string | Uint8Array }

export type ContentKeys = ReturnType<typeof createContentKeys>

/** What a wrapped content key is bound to. */
export function labelOf({ tenant, user }: KeyOwner, id: string): string {
  return `knomly content key\0${tenant}\0${user}\0${id}`
}

function sealLabel({ tenant, user }: KeyOwner, place: string, id: string): string {
  return `knomly content\0${tenant}\0${user}\0${place}\0${id}`
}

function opened(key: KeyObject, label: string, sealed: Uint8Array): Buffer {
  try {
    return open(key, label, Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength))
  } catch (cause) {
    throw new Failure('CONTENT_DAMAGED', { cause })
  }
}
