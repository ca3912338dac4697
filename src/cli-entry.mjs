#!/usr/bin/env node
// npx runs this with whatever Node it finds; the server's own, which reads TypeScript, lies in node_modules.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const own = join(import.meta.dirname, '../node_modules/.bin/node')
const isRecent = Number.parseInt(process.versions.node, 10) >= 24
if (!isRecent && !existsSync(own)) {
  process.stderr.write(`Knomly needs Node 24, and this is ${process.version}: run "npm ci" in its folder first.\n`)
  process.exit(1)
}
const cli = join(import.meta.dirname, 'cli.ts')
const settings = existsSync('.env') ? ['--env-file=.env'] : []
const child = spawn(isRecent ? process.execPath : own, [...settings, cli, ...process.argv.slice(2)], {
  stdio: 'inherit'
})
// A terminal sends Ctrl-C to both; what comes to this process alone is passed on, and the child says how it ends.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
