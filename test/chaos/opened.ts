import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { Frame } from '../../src/frames/frame.ts'
import { createSealedContent } from '../../src/store/sealed-content.ts'
import { createContentKeys, type KeptContentKey } from '../../src/vault/content-keys.ts'
import { createMasterKeys } from '../../src/vault/master-keys.ts'

/** A key as it lies on disk: whose it is (`tenant/lane`), and its data as JSON. */
export interface KeyRow {
  readonly user: string
  readonly id: string
  readonly data: string
}

/** Opens what servers have sealed, with the master key of their environment or their folder. */
export function openerOf(
  { dataDir, env }: { dataDir: string; env: Readonly<Record<string, string>> },
  keys: readonly KeyRow[]
): (owner: { tenant: string; lane: string }, frames: readonly string[]) => Promise<Frame[]> {
  // Where nobody sealed anything there is no master key.
  if (keys.length === 0) return async (_owner, frames) => frames.map(json => JSON.parse(json))
  const master = Buffer.from(env.MASTER_KEY ?? readFileSync(join(dataDir, 'master.key'), 'utf8').trim(), 'base64')
  const rows = Map.groupBy(keys, ({ user }) => user)
  const kept = {
    list: async ({ tenant, user }: { tenant: string; user: string }) =>
      (rows.get(`${tenant}/${user}`) ?? []).map(({ id, data }) => ({
        ...{ id, version: 1 },
        data: JSON.parse(data) as KeptContentKey
      })),
    put: async () => false,
    turned: async () => null
  }
  const masterKeys = createMasterKeys(master, undefined, systemEntropy)
  const content = createSealedContent(
    createContentKeys({ masterKeys, kept, clock: systemClock, entropy: systemEntropy })
  )
  return async ({ tenant, lane }, frames) => {
    const opened = await content.openFrames(
      { tenant, user: lane },
      frames.map(json => JSON.parse(json))
    )
    if (opened === null) throw new Error('nothing was erased here')
    return opened
  }
}
