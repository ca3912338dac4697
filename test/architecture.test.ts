import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/** The layers of design.md section 2, lowest first. A room imports from lower layers and from itself. */
const layers = [
  ['src/frames'],
  ['src/store', 'src/channels', 'src/providers', 'src/vault'],
  ['src/inbox', 'src/policy', 'src/tools', 'src/audit', 'src/backup'],
  ['src/agent'],
  ['src/pipeline'],
  ['src/console', 'src/simulator'],
  ['plugins'],
  ['routes'],
  ['src']
]

// What has outgrown a file of the top level: it knows everybody, as `src/*.ts` does.
const topFolders = ['commands', 'config', 'demo', 'doctor']

/** What only the openers (and the room itself) may import: the adapters behind the ports. */
const adapters = [
  'src/store/sqlite/sqlite.ts',
  'src/store/mongodb/mongodb.ts',
  'src/store/sqlite/dump.ts',
  'src/store/sqlite/audit-source.ts',
  'src/store/mongodb/audit-source.ts',
  'src/store/sqlite/restore.ts',
  'src/store/mongodb/dump.ts',
  'src/store/mongodb/load.ts',
  'src/channels/twilio-messaging.ts',
  'src/providers/openai.ts',
  'src/providers/fallback.ts',
  'src/providers/local-speech.ts'
]

const openers = ['src/system.ts', 'src/kept-store.ts', 'src/transfer.ts']

// config.ts parses what the entry points hand it.
const mayReadEnvironment = ['src/server.ts', 'src/cli.ts', 'src/demo.ts']

type Import = { from: string; to: string }

t.test('imports only point down, and a room never imports its neighbour', async t => {
  t.strictSame(crossings(read()), [])
})

t.test('a crossing is caught', async t => {
  const seeded = (file: string, text: string) => crossings(new Map([...read(), [file, text]]))
  t.match(seeded('src/frames/seeded.ts', "import { x } from '../store/store.ts'"), [/frames.*store/])
  t.match(seeded('src/store/seeded.ts', "import type { X } from '../channels/channel.ts'"), [/store.*channels/])
  t.match(seeded('src/agent/seeded.ts', "export { x } from '../pipeline/pipeline.ts'"), [/agent.*pipeline/])
  t.match(seeded('src/policy/seeded.ts', "const x = await import('../tools/tool.ts')"), [/policy.*tools/])
  t.match(seeded('plugins/seeded.ts', "import x from '../routes/health.ts'"), [/plugins.*routes/])
  t.match(seeded('src/simulator/seeded.ts', "import '../frames/frame.ts'"), [/simulator/])
  t.match(seeded('src/pipeline/seeded.ts', "import { x } from '../store/sqlite/sqlite.ts'"), [/adapter/])
  t.match(seeded('src/inbox/seeded.ts', "import fastify from 'fastify'"), [/fastify/])
  t.match(seeded('src/inbox/seeded.ts', 'const x = process.env.X'), [/environment/])
  t.match(seeded('src/tools/seeded.ts', "import { issuePermit } from '../frames/permit.ts'"), [/permit/])
})

t.test(
  'one store does not know that there is another: the words of a driver stand in its adapter and where it is opened',
  async t => {
    const words = /\bMongo(?!DB\b)[A-Z]\w+|\bObjectId\b|\$\$NOW|'mongodb'|'node:sqlite'/
    const strangers = (files: ReadonlyMap<string, string>) =>
      [...files]
        .filter(
          ([file, text]) => !/^src\/(store\/(mongodb|sqlite)\/|(system|kept-store)\.ts)/.test(file) && words.test(text)
        )
        .map(([file]) => file)
    t.strictSame(strangers(read()), [])
    t.strictSame(strangers(new Map([['src/inbox/seeded.ts', "import { MongoClient } from 'mongodb'"]])), [
      'src/inbox/seeded.ts'
    ])
  }
)

t.test('what a server is asked to do is asked in one place, which takes a permit', async t => {
  const callers = (files: ReadonlyMap<string, string>) =>
    [...files].filter(([, text]) => /\bcallTool\b|tools\/call/.test(text)).map(([file]) => file)
  t.strictSame(callers(read()), ['src/tools/mcp/connection.ts'])
  t.strictSame(callers(new Map([['src/agent/seeded.ts', "client.callTool({ name: 'x' })"]])), ['src/agent/seeded.ts'])
  const importers = [...read()].filter(([, text]) => /@modelcontextprotocol/.test(text)).map(([file]) => file)
  t.strictSame(importers.sort(), ['src/tools/mcp/connection.ts', 'src/tools/mcp/remote-tool.ts'])
})

t.test('only files with a name that says what they hold', async t => {
  const drawers = [...read().keys()].filter(file =>
    /(^|\/)(utils?|helpers?|common|types|misc|shared|index)(\.ts$|\/)/.test(file)
  )
  t.strictSame(drawers, [])
})

t.test('no import cycle', async t => {
  const files = read()
  const edges = Map.groupBy(localImports(files), each => each.from)
  const state = new Map<string, 'open' | 'done'>()
  const cycles: string[] = []
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    state.set(file, 'open')
    for (const { to } of edges.get(file) ?? []) visit(to, [...path, file])
    state.set(file, 'done')
  }
  for (const file of files.keys()) visit(file, [])
  t.strictSame(cycles, [])
})

t.test('no file is longer than 250 lines', async t => {
  const long = [...read()].filter(([, text]) => text.split('\n').length > 251).map(([file]) => file)
  t.strictSame(long, [])
})

function read(): Map<string, string> {
  const files = globSync(['src/**/*.ts', 'routes/**/*.ts', 'plugins/**/*.ts'], { cwd: root })
  return new Map(files.map(file => [file, readFileSync(join(root, file), 'utf8')]))
}

function crossings(files: Map<string, string>): string[] {
  const found = localImports(files).flatMap(each => crossing(each) ?? [])
  for (const [file, text] of files) {
    const room = roomOf(file)
    if (room.startsWith('src/') && room !== 'src/simulator' && /from '(fastify|@fastify\/[\w-]+)'/.test(text)) {
      found.push(`${file} imports fastify: rooms know the work, not HTTP`)
    }
    if (/process\.env\b/.test(text) && !mayReadEnvironment.includes(file)) found.push(`${file} reads the environment`)
    if (/\bissuePermit\b/.test(text) && !['src/frames/permit.ts', 'src/policy/decide.ts'].includes(file)) {
      found.push(`${file} makes a permit`)
    }
  }
  return found
}

function crossing({ from, to }: Import): string | undefined {
  const [room, other] = [roomOf(from), roomOf(to)]
  if (room === other) return undefined
  if (room === 'src/simulator') return `${from} imports ${to}: the simulator shares no code with the product`
  if (rankOf(other) >= rankOf(room)) return `${from} imports ${to}: ${room} does not stand above ${other}`
  if (adapters.includes(to) && !openers.includes(from)) return `${from} imports the adapter ${to}`
  return undefined
}

function roomOf(file: string): string {
  const parts = file.split('/')
  if (parts[0] !== 'src') return parts[0] ?? ''
  if (topFolders.includes(parts[1] ?? '')) return 'src'
  return parts.length === 2 ? 'src' : `src/${parts[1]}`
}

function rankOf(room: string): number {
  const rank = layers.findIndex(layer => layer.includes(room))
  if (rank < 0) throw new Error(`${room} has no layer`)
  return rank
}

function localImports(files: Map<string, string>): Import[] {
  return [...files].flatMap(([from, text]) =>
    [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(([, target]) => ({
      from,
      to: relative(root, normalize(join(root, dirname(from), target ?? '')))
    }))
  )
}
