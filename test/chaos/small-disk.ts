import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerProcess } from '../stage.ts'
import type { Teardown } from './field.ts'

/** A disk that can be full and have room again while a server runs on it. */
export interface SmallDisk {
  readonly name: string
  fill(server: ServerProcess): void
  clear(server: ServerProcess): void
}

/** A file system of its own mounted on the folder, filled to the last byte (ENOSPC). Needs root. */
export function mountedDisk(t: Teardown, dir: string): SmallDisk {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m,mode=700', 'tmpfs', dir])
  t.teardown(() => execFileSync('umount', ['--lazy', dir]))
  const ballast = join(dir, 'ballast')
  return {
    name: 'a full disk',
    fill() {
      try {
        while (true) writeFileSync(ballast, Buffer.alloc(blockBytes), { flag: 'a' })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
    clear: () => rmSync(ballast)
  }
}

/** A process that may not write to files any more (EFBIG): the disk says no to SQLite and to nothing else. Needs Linux. */
export function forbiddenDisk(): SmallDisk {
  const limit = (server: ServerProcess, bytes: string) =>
    execFileSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}:`])
  return {
    name: 'a disk that takes no writes',
    fill: server => limit(server, '1'),
    clear: server => limit(server, 'unlimited')
  }
}

const blockBytes = 64 * 1024
