import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createPrivately } from './private-file.ts'

/** Another process holds the folder of the embedded store. */
export class FolderHeld extends Error {
  override readonly name = 'FolderHeld'
}

/**
 * Makes `dir` where it is missing (mode 700) and takes it for this process: an exclusive transaction on a SQLite file of its own,
 * which the system drops when the process dies, however it dies. Throws FolderHeld, which says what to do, when another holds it.
 */
export async function lockDirectory(dir: string): Promise<{ release(): void }> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, 'lock.sqlite')
  await createPrivately(path)
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    db.close()
    throw new FolderHeld(
      `Another process holds this DATA_DIR (${dir}). Stop that process, or give this one a DATA_DIR of its own.`,
      { cause }
    )
  }
  return { release: () => db.close() }
}
