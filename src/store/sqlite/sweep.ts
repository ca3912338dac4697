import type { Swept } from '../store.ts'
import { perChange, perPass } from './sweeper.ts'
import type { Writer } from './writer.ts'

/** One pass of the housekeeping. It goes in small changes, between which other work is committed. */
export async function sweep(write: Writer['write']): Promise<Swept> {
  const repeat = async (op: 'deleteBlobs' | 'purge' | 'deleteLimits') => {
    let done = 0
    while (done < perPass) {
      const count = await write(op)
      done += count
      if (count < perChange) break
    }
    return done
  }
  const rung = await write('ringForgotten')
  const blobs = await repeat('deleteBlobs')
  const purged = await repeat('purge')
  await repeat('deleteLimits')
  if (blobs + purged > 0) await write('emptyLog')
  return { rung, blobs, purged }
}
