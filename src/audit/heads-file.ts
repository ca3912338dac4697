import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseHead, type SignedHead } from './heads.ts'

const newline = 0x0a

/** What a file of heads says. */
export interface HeadsFile {
  readonly file: string
  readonly heads: readonly SignedHead[]
  /** The lines (from 1) that are no heads: one that a crash cut off, or one that was changed. */
  readonly unreadable: readonly number[]
}

/** Appends heads to a file, a line each, and resolves once they are on disk. A line that a crash cut off before is ended first. */
export async function appendHeads(file: string, heads: readonly SignedHead[]): Promise<void> {
  if (heads.length === 0) return
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(file, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    const last = Buffer.alloc(1, newline)
    if (size > 0) await handle.read(last, 0, 1, size - 1)
    const lines = heads.map(head => `${JSON.stringify(head)}\n`).join('')
    // One write, so that those of several processes do not mix.
    await handle.appendFile(last[0] === newline ? lines : `\n${lines}`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await syncFolder(dirname(file))
}

/** Reads a file of heads; null where there is none. Rejects with an Error that says what to do where it cannot be read. */
export async function readHeads(file: string): Promise<HeadsFile | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new Error(`${file} cannot be read (${error.code}): name the file of heads with --heads.`, { cause: error })
  })
  if (text === null) return null
  const lines = text.split('\n').map((line, i) => ({ line, number: i + 1, head: parseHead(line) }))
  return {
    file,
    heads: lines.flatMap(({ head }) => head ?? []),
    unreadable: lines.filter(({ line, head }) => line !== '' && head === null).map(({ number }) => number)
  }
}

/** A new name is on disk once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}
