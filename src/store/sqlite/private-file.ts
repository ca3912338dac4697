import { open } from 'node:fs/promises'

/**
 * Makes an empty file that only its owner reads (mode 600); one that stands already is left alone, and not even opened: to close
 * any descriptor of a file drops every POSIX lock the process has on it (https://sqlite.org/howtocorrupt.html, 2.2).
 */
export async function createPrivately(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
