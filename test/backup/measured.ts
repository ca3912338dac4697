// Loaded before a program: it says at the end how much memory that took at most. Each thread lets go at once of what it no longer needs,
// so that only what is held counts. The system's own peak (maxRSS) is no measure: a process inherits that of the one that started it.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
let peak = 0
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss())
  collect()
}, 20).unref()
if (isMainThread) {
  process.once('exit', () => {
    process.stdout.write(`peak ${Math.round(peak / 1_048_576)} MB\n`)
  })
}
