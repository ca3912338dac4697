import type { OpenFrames } from './audit/check-frames.ts'
import { systemClock } from './frames/clock.ts'
import { systemEntropy } from './frames/entropy.ts'
import type { AuditSource } from './store/audit-source.ts'
import { createSealedContent } from './store/sealed-content.ts'
import { createContentKeys, type KeptContentKey } from './vault/content-keys.ts'
import type { MasterKeys } from './vault/master-keys.ts'

/** Opens frames with the keys that stand beside them in a store, and makes none; null without a master key. */
export function openerOf(source: Pick<AuditSource, 'contentKeys'>, masterKeys: MasterKeys | null): OpenFrames | null {
  if (masterKeys === null) return null
  const kept = {
    async list(owner: Parameters<AuditSource['contentKeys']>[0]) {
      const keys = await source.contentKeys(owner)
      return keys.map(({ id, data }) => ({ id, version: 0, data: data as KeptContentKey }))
    },
    put: async () => false,
    turned: async () => null,
    erasures: async () => 0,
    countErasure: async () => {}
  }
  const keys = createContentKeys({ masterKeys, kept, clock: systemClock, entropy: systemEntropy, isShared: false })
  return createSealedContent(keys).openFrames
}
