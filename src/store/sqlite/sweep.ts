import { auditPerPass } from '../rules.ts'
import type { Swept } from '../summaries.ts'
import { perChange, perPass } from './sweeper.ts'
import type { Writer } from './writer.ts'

/** One pass of the housekeeping. It goes in small changes, between which other work is committed. */
export async function sweep(write: Writer['write'], auditMs?: number): Promise<Swept> {
  const repeat = async (change: () => Promise<number>, most = perPass) => {
    let done = 0
    while (done < most) {
      const count = await change()
      done += count
      if (count < perChange) break
    }
    return done
  }
  const rung = await write('ringForgotten')
  const blobs = await repeat(() => write('deleteBlobs'))
  const purged = await repeat(() => write('purge'))
  await repeat(() => write('deleteLimits'))
  if (auditMs !== undefined) await repeat(() => write('deleteAudit', auditMs), auditPerPass)
  if (blobs + purged > 0) await write('emptyLog')
  return { rung, blobs, purged }
}

/** Seals what there is: a block of each tenant a change, between which other work is committed. What comes meanwhile waits for the next pass. */
export async function sealAll(write: Writer['write']): Promise<number> {
  let sealed = 0
  for (;;) {
    const { records, isMore } = await write('seal')
    sealed += records
    if (!isMore) return sealed
  }
}
