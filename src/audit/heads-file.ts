import { readFile } from 'node:fs/promises'
import { parseHead, type SignedHead } from './heads.ts'

/** What a file of heads says. */
export interface HeadsFile {
  readonly file: string
  readonly heads: readonly SignedHead[]
  /** The lines (from 1) that are no heads: one that a crash cut off, or one that was changed. */
  readonly unreadable: readonly number[]
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
