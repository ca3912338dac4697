import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MongoClient } from 'mongodb'
import { databaseOn } from '../mongod.ts'
import { accountSid, authToken, freePort, ours, until } from '../stage.ts'

/** The server under the bench, as an operator would run it: a process of its own, told everything by its environment. */
export interface MeasuredServer {
  readonly url: string
  /** Resident memory, MB. */
  memory(): Promise<number>
  /** Ends it and answers how many messages its store holds, by state. */
  stop(): Promise<Readonly<Record<string, number>>>
}

const root = join(import.meta.dirname, '../..')

/** What stands under the server: the embedded store, or the replica set at `mongodbUri`; and where V8 writes its CPU profile at the end. */
export interface Ground {
  readonly profileDir?: string | undefined
  readonly mongodbUri?: string | undefined
}

/** Starts it on a new folder, or a new database. Its log goes to a file, as with a service manager. */
export async function startServer(
  env: Record<string, string>,
  { profileDir, mongodbUri }: Ground = {}
): Promise<MeasuredServer> {
  const database = mongodbUri === undefined ? undefined : databaseOn(mongodbUri, `bench-${randomUUID()}`)
  const dataDir = mkdtempSync(join(tmpdir(), 'knomly-bench-'))
  const log = join(dataDir, 'log')
  const file = openSync(log, 'w')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const flags = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  const child = spawn(process.execPath, [...flags, join(root, 'src/server.ts')], {
    cwd: root,
    env: {
      ...{ PATH: process.env.PATH ?? '', ...basics, PORT: String(port), PUBLIC_URL: url, DATA_DIR: dataDir },
      ...(database !== undefined && { MONGODB_URI: database, MASTER_KEY: randomBytes(32).toString('base64') }),
      ...env
    },
    stdio: ['ignore', file, file]
  })
  const exited = once(child, 'exit')
  const abandon = () => child.kill('SIGKILL')
  process.once('exit', abandon)
  await until(async () => (await fetch(`${url}/health/ready`)).ok, 15_000).catch(() => {
    throw new Error(`the server does not start: ${readFileSync(log, 'utf8')}`)
  })
  return {
    url,
    async memory() {
      const text = await (await fetch(`${url}/metrics`)).text()
      return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]) / 1e6
    },
    async stop() {
      child.kill('SIGTERM')
      await exited
      process.off('exit', abandon)
      const kept = database === undefined ? countStates(dataDir) : await countInMongo(database)
      rmSync(dataDir, { recursive: true })
      return kept
    }
  }
}

const basics = {
  TWILIO_ACCOUNT_SID: accountSid,
  TWILIO_AUTH_TOKEN: authToken,
  TWILIO_SENDERS: ours,
  ALLOWED_SENDERS: '*',
  OPENAI_API_KEY: 'sk-bench',
  LOG_LEVEL: 'info',
  RATE_LIMIT_PER_SENDER: '0',
  RATE_LIMIT_PER_IP: '0'
}

async function countInMongo(uri: string): Promise<Record<string, number>> {
  const client = new MongoClient(uri)
  const groups = client
    .db()
    .collection('executions')
    .aggregate([{ $group: { _id: '$state', count: { $sum: 1 } } }])
  const counts = Object.fromEntries((await groups.toArray()).map(({ _id, count }) => [_id, count]))
  await client.db().dropDatabase()
  await client.close()
  return counts
}

function countStates(dataDir: string): Record<string, number> {
  const db = new DatabaseSync(join(dataDir, 'knomly.sqlite'))
  const rows = db.prepare('SELECT state, count(*) AS count FROM executions GROUP BY state').all()
  db.close()
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}
