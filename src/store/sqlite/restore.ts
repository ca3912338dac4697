import type { Clock } from '../../frames/clock.ts'
import { patiently } from '../patience.ts'
import type { StoreTarget } from '../transfer.ts'
import { lockDirectory } from './lock.ts'
import { sealAll } from './sweep.ts'
import { startWriter } from './writer.ts'

/**
 * Takes the folder `dir`, made where it is missing, to fill the embedded store in it. Rejects with a plain Error where another
 * process holds the folder or the database is not one of this version.
 */
export async function openSqliteTarget({ dir, clock }: { dir: string; clock: Clock }): Promise<StoreTarget> {
  const lock = await lockDirectory(dir)
  // Nothing is accepted at the door while a store is filled.
  const settings = { contentMs: 0, onRing: () => {} }
  const { write, close } = await startWriter({ dir, clock, ...settings }).catch(error => {
    lock.release()
    throw error
  })
  return {
    begin: restore => write('beginLoad', restore),
    // A slow disk may take longer than a webhook would wait, and what was kept all the same is known then.
    put: entries => patiently(() => write('load', entries)),
    async end() {
      await sealAll(write)
      await write('endLoad')
    },
    async close() {
      await close()
      lock.release()
    }
  }
}
