import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

const newline = 0x0a

/**
 * Appends values to a file that only its owner reads, a line of JSON each, and resolves once they are on disk. A line that a crash cut
 * off before is ended first.
 */
export async function appendLines(file: string, values: readonly object[]): Promise<void> {
  if (values.length === 0) return
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(file, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    const last = Buffer.alloc(1, newline)
    if (size > 0) await handle.read(last, 0, 1, size - 1)
    const lines = values.map(value => `${JSON.stringify(value)}\n`).join('')
    // One write, so that those of several processes do not mix.
    await handle.appendFile(last[0] === newline ? lines : `\n${lines}`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await syncFolder(dirname(file))
}

/** A new name is on disk once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}
