import { setTimeout as wait } from 'node:timers/promises'
import { Failure } from '../frames/failure.ts'
import type { MasterKeys } from './master-keys.ts'

/** A wrapped key, what it is bound to, and the way to put another wrap in its place: false where it has changed meanwhile. */
export interface WrappedKey {
  readonly label: string
  readonly wrapped: string
  replace(wrapped: string): Promise<boolean>
}

/** Every wrapped key there is, and the name of the master key by which new ones are wrapped. */
export interface WrappedKeys {
  all(): AsyncIterable<WrappedKey>
  turned(): Promise<string | null>
  turn(to: string): Promise<void>
}

// A key that somebody was about to keep as the turn came is there by then: no write waits longer.
const settleMs = 6_000

/**
 * Wraps every key by the master key that follows, while servers that have both work on; what they seal is not touched. Killed at any
 * moment it is run again. Answers how many keys it wrapped. Throws NO_MASTER_KEY_NEXT, and KEY_UNAVAILABLE where neither opens a key.
 */
export async function rotateKeys(masterKeys: MasterKeys, keys: WrappedKeys): Promise<number> {
  const { next } = masterKeys
  if (next === null) {
    throw new Failure('NO_MASTER_KEY_NEXT')
  }
  if ((await keys.turned()) !== next) await keys.turn(next)
  let wrapped = await pass(masterKeys, keys, next)
  await wait(settleMs)
  for (let again = 1; again > 0; wrapped += again) again = await pass(masterKeys, keys, next)
  return wrapped
}

async function pass(masterKeys: MasterKeys, keys: WrappedKeys, next: string): Promise<number> {
  let count = 0
  for await (const { label, wrapped, replace } of keys.all()) {
    const found = masterKeys.unwrap(label, wrapped)
    if (found === null) throw new Failure('KEY_UNAVAILABLE')
    if (!found.isOld) continue
    // What has changed meanwhile is met by the next pass.
    await replace(masterKeys.wrap(label, found.key, next))
    count += 1
  }
  return count
}
