// Loaded before a program: it says at the end how much memory that took at most. Each thread lets go at once of what it no longer needs,
// so that only what is held counts. The system's own peak (maxRSS) is no measure: a process inherits that of the one that started it.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
let peak = 0
let held = process.memoryUsage.rss()
setInterval(() => {
  const now = process.memoryUsage.rss()
  peak = Math.max(peak, now)
  // Not each time: to look through all that is held takes longer than the pause.
  if (now < held + 8 * 1_048_576) return
  collect()
  held = process.memoryUsage.rss()
}, 20).unref()
if (isMainThread) {
  process.once('exit', () => {
    process.stdout.write(`peak ${Math.round(peak / 1_048_576)} MB\n`)
  })
}
