import { resolve } from 'node:path'
import { openerOf } from '../../src/frame-opener.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { Frame } from '../../src/frames/frame.ts'
import { keyUserOf, type Owner } from '../../src/store/sealing.ts'
import { findMasterKeys } from '../../src/vault/master-keys.ts'

/** A key as it lies on disk: whose it is (`tenant/lane`), and its data as JSON. */
export interface KeyRow {
  readonly user: string
  readonly id: string
  readonly data: string
}

/** Opens what servers have sealed, with the master key of their environment or their folder; where nobody sealed anything there is none. */
export function openedBy(
  { dataDir, env }: { dataDir: string; env: Readonly<Record<string, string>> },
  keys: readonly KeyRow[]
): (owner: { tenant: string; lane: string }, frames: readonly string[]) => Promise<readonly Frame[]> {
  const rows = Map.groupBy(keys, ({ user }) => user)
  const contentKeys = async (owner: Owner) =>
    (rows.get(keyUserOf(owner)) ?? []).map(({ id, data }) => ({ id, data: JSON.parse(data) }))
  const masterKey = env.MASTER_KEY === undefined ? undefined : Buffer.from(env.MASTER_KEY, 'base64')
  const own = { dataDir: resolve(dataDir), masterKey, masterKeyNext: undefined }
  const open = openerOf({ contentKeys }, findMasterKeys(own, systemEntropy)) ?? (async (_, frames) => frames)
  return async ({ tenant, lane }, kept) => {
    const frames = await open(
      { tenant, user: lane },
      kept.map(json => JSON.parse(json))
    )
    if (frames === null) throw new Error('nothing was erased here')
    return frames
  }
}
