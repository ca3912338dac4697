import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'

const newline = 0x0a

/** The lines of a gzipped file, one after the other. Rejects with an Error that says what is wrong with the file. */
export async function* readLines(file: string): AsyncGenerator<string> {
  // A line is made of its pieces at its end: to join at each piece would copy a long one again and again.
  let pieces: Buffer[] = []
  const text = () => Buffer.concat(pieces).toString()
  for await (const chunk of unzipped(file)) {
    let from = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      pieces.push(chunk.subarray(from, end))
      yield text()
      pieces = []
      from = end + 1
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from))
  }
  if (pieces.length > 0) yield text()
}

/** What a file that lacks its end is refused with. */
export function cutOff(file: string): Error {
  return new Error(`${file} is cut off: its end is missing. Take another copy of the backup.`)
}

/** What a file with other bytes than were written is refused with. */
export function altered(file: string): Error {
  return new Error(
    `${file} is damaged or was altered: it does not say what was written. Take another copy of the backup.`
  )
}

/** What a file that is something else is refused with. */
export function foreign(file: string): Error {
  return new Error(`${file} is no backup: name a file that "knomly backup" has written.`)
}

async function* unzipped(file: string): AsyncGenerator<Buffer> {
  const zipped = createReadStream(file)
  const gunzip = createGunzip({ chunkSize: 256 * 1024 })
  zipped.on('error', error => gunzip.destroy(error))
  let isFirst = true
  try {
    for await (const chunk of zipped.pipe(gunzip)) {
      isFirst = false
      yield chunk
    }
  } catch (error) {
    throw explained(file, error as NodeJS.ErrnoException, isFirst)
  } finally {
    zipped.destroy()
  }
}

function explained(file: string, { code = '' }: NodeJS.ErrnoException, isFirst: boolean): Error {
  if (code === 'Z_BUF_ERROR') return cutOff(file)
  if (code.startsWith('Z_')) return isFirst ? foreign(file) : altered(file)
  if (code === 'ENOENT') return new Error(`There is no file ${file}.`)
  return new Error(`${file} cannot be read (${code}).`)
}
