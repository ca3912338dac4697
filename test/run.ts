// Runs the tests with tap and ends with the plain line that CI reads: `N passed, N failed, N skipped`.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..')
const tap = join(root, 'node_modules/tap/dist/esm/run.mjs')

buildTapIfNeeded()
const files = process.argv.slice(2)
const run = spawn(process.execPath, [tap, 'run', ...files], { cwd: root, stdio: ['inherit', 'pipe', 'inherit'] })
const counts = { pass: 0, fail: 0, skip: 0, todo: 0 }
for await (const line of createInterface({ input: run.stdout })) {
  process.stdout.write(`${line}\n`)
  const summary = /^# \{ (total: .*) \}$/.exec(line)?.[1]
  for (const [, name, value] of summary?.matchAll(/(\w+): (\d+)/g) ?? []) {
    if (name !== undefined && Object.hasOwn(counts, name)) counts[name as keyof typeof counts] = Number(value)
  }
}
const code = run.exitCode ?? (await new Promise<number>(resolve => run.once('exit', status => resolve(status ?? 1))))
process.stdout.write(`${counts.pass} passed, ${counts.fail} failed, ${counts.skip + counts.todo} skipped\n`)
process.exit(code !== 0 || counts.pass === 0 ? code || 1 : 0)

/** tap makes its Test class in node_modules with the TypeScript plugin, which .taprc takes out: TypeScript 7 has no API for it. */
function buildTapIfNeeded(): void {
  const built = join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js')
  if (!readFileSync(built, 'utf8').includes('@tapjs/typescript')) return
  const build = spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (build.status !== 0) process.exit(build.status ?? 1)
}
