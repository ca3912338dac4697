import { writeSync } from 'node:fs'
import { bite } from './points.ts'

/** Bends the wall clock of this process by the first offset (ms), and every `everyMs` by the next: one that is set wrong, and set right, and wrong again while it runs. */
export function bendTime(offsets: readonly number[], everyMs: number): void {
  const { now } = Date
  let at = 0
  Date.now = () => now() + (offsets[at % offsets.length] ?? 0)
  setInterval(() => {
    at += 1
    writeSync(2, `${bite} a jump of the clock\n`)
  }, everyMs).unref()
}
