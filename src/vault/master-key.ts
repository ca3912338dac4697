import { closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Entropy } from '../frames/entropy.ts'

const size = 32

/**
 * The key that wraps all others: the configured one, else the one kept in `dir`/master.key (mode 600), which is made on the first
 * start. Throws a plain Error where the file does not hold 32 bytes in base64.
 */
export function readMasterKey(dir: string, configured: Buffer | undefined, entropy: Entropy): Buffer {
  if (configured !== undefined) return configured
  const file = fileIn(dir)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  try {
    writeNew(file, entropy.bytes(size).toString('base64'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readKey(file)
}

/** The same key where there is one, and null where there is none: none is made. Throws as `readMasterKey` does. */
export function findMasterKey(dir: string, configured: Buffer | undefined): Buffer | null {
  if (configured !== undefined) return configured
  const file = fileIn(dir)
  return existsSync(file) ? readKey(file) : null
}

function fileIn(dir: string): string {
  return join(dir, 'master.key')
}

function readKey(file: string): Buffer {
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64')
  if (key.length !== size) throw new Error(`${file} does not hold a key: restore it from a backup, or set MASTER_KEY.`)
  return key
}

function writeNew(file: string, text: string): void {
  const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
