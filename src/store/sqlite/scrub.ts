import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { unavailable } from '../rules.ts'
import type { Writer } from './writer.ts'

const tries = 20
const pauseMs = 250

/** Empties the log, which holds pages as they were: the database itself overwrites what is deleted. A backup that reads meanwhile is waited for. */
export async function scrub(write: Writer['write'], dir: string): Promise<void> {
  for (let i = 0; i < tries; i++) {
    await write('emptyLog')
    if (statSync(join(dir, 'knomly.sqlite-wal')).size === 0) return
    await wait(pauseMs)
  }
  throw unavailable('the log is being read')
}
