// Runs the tests with tap and ends with the plain line that CI reads: `N passed, N failed, N skipped`.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..')
const tap = join(root, 'node_modules/tap/dist/esm/run.mjs')

buildTapIfNeeded()
const files = process.argv.slice(2)
// Loaded only where it is needed: a run of a few files stays quick.
const mongo = needMongo(files) ? await (await import('./mongod.ts')).startReplicaSet() : null
const run = spawn(process.execPath, [tap, 'run', ...files], {
  cwd: root,
  stdio: ['inherit', 'pipe', 'inherit'],
  env: {
    ...process.env,
    NODE_COMPILE_CACHE: join(root, '.cache/compiled'),
    ...(mongo && { TEST_MONGODB_URI: mongo.uri })
  }
})
const ended = once(run, 'exit') as Promise<[number | null]>
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    run.kill(signal)
    await mongo?.stop()
    process.exit(128 + constants.signals[signal])
  })
}
const counts = { pass: 0, fail: 0, skip: 0, todo: 0 }
const failures: string[] = []
let file = ''
let failing = 0
for await (const line of createInterface({ input: run.stdout })) {
  process.stdout.write(`${line}\n`)
  file = /^# Subtest: (.*)$/.exec(line)?.[1] ?? file
  // A failure and the first lines of what is known of it: told again at the end, where a log cut in its middle still has them.
  if (/^\s*not ok /.test(line)) {
    failures.push(`in ${file}`)
    failing = 30
  } else if (/^\s*(ok |not ok |# Subtest)/.test(line)) failing = 0
  if (failing-- > 0) failures.push(line)
  const summary = /^# \{ (total: .*) \}$/.exec(line)?.[1]
  for (const [, name, value] of summary?.matchAll(/(\w+): (\d+)/g) ?? []) {
    if (name !== undefined && Object.hasOwn(counts, name)) counts[name as keyof typeof counts] = Number(value)
  }
}
const code = (await ended)[0] ?? 1
await mongo?.stop()
if (failures.length > 0) process.stdout.write(`What failed, once more:\n${failures.slice(0, 150).join('\n')}\n`)
process.stdout.write(`${counts.pass} passed, ${counts.fail} failed, ${counts.skip + counts.todo} skipped\n`)
process.exit(code !== 0 || counts.pass === 0 ? code || 1 : 0)

/** Whether these tests may ask for MongoDB: all of them do, and so may what is named by a folder or a pattern. */
function needMongo(args: readonly string[]): boolean {
  const named = args.filter(arg => !arg.startsWith('-')).map(arg => resolve(root, arg))
  const asks = (file: string) => {
    if (!existsSync(file) || !statSync(file).isFile()) return true
    const path = relative(root, file)
    return /^test\/(store|journeys|chaos)\//.test(path) || /mongo/i.test(path + readFileSync(file, 'utf8'))
  }
  return named.length === 0 || named.some(asks)
}

/** tap makes its Test class in node_modules with the TypeScript plugin, which .taprc takes out: TypeScript 7 has no API for it. */
function buildTapIfNeeded(): void {
  const built = join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js')
  if (!readFileSync(built, 'utf8').includes('@tapjs/typescript')) return
  const build = spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (build.status !== 0) process.exit(build.status ?? 1)
}
