import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import type { Agent } from '../src/simulator/agent-script.ts'
import { type Caller, createCaller } from '../src/simulator/caller.ts'
import { type OpenAIOptions, type OpenAISimulator, startOpenAI } from '../src/simulator/openai.ts'
import { startTwilio, type TwilioOptions, type TwilioSimulator } from '../src/simulator/twilio.ts'
import { compileCache } from './compile-cache.ts'
import { databaseOn } from './mongod.ts'

/** How long a server may take to start where many tests run at once. */
export const startMs = 30_000

const root = join(import.meta.dirname, '..')

export const accountSid = `AC${'c3'.repeat(16)}`
export const authToken = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'
export const ours = 'whatsapp:+14155238886'
export const person = 'whatsapp:+15551234567'
export const operatorToken = 'operator-token-of-the-test-suite-0123'

/** One server process: its exit and what it printed. */
export interface ServerProcess {
  readonly pid: number
  readonly exited: Promise<number | null>
  readonly output: () => string
  kill(signal: NodeJS.Signals): Promise<number | null>
}

/** An execution as the API shows it. */
export interface Shown {
  readonly id: string
  readonly state: string
  readonly frames: readonly {
    n: number
    kind: string
    at: string
    data: Record<string, unknown>
    hash: string
    parent: string | null
  }[]
}

/** Everything a journey plays on: the stand-ins, a caller, and the server as a process of its own. */
export interface Stage {
  readonly url: string
  readonly twilio: TwilioSimulator
  readonly openai: OpenAISimulator
  readonly caller: Caller
  readonly env: Record<string, string>
  readonly dataDir: string
  /** A person who writes to one of our numbers; what is posted goes to the server at `deliverTo` where there are several. */
  callerOf(from: string, deliverTo?: string, to?: string): Caller
  /** Starts (again) a server on the same folder and port and waits until it is ready. */
  start(env?: Record<string, string>, entry?: string): Promise<ServerProcess>
  api(path: string, init?: RequestInit): Promise<Response>
  execution(messageSid: string): Promise<Shown | null>
  /** Waits until the execution of a message has come to one of these states. */
  ended(messageSid: string, states?: readonly string[], timeoutMs?: number): Promise<Shown>
  /** What a person was sent, in the order in which Twilio took it. */
  read(address: string): string[]
  /** The sum of a metric's series that carry these labels; 0 where there is none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  /** Waits until nothing is queued or at work; questions may wait for a person. It asks the metrics, so that it need not know the messages. */
  settled(timeoutMs?: number): Promise<void>
}

export interface StageOptions {
  readonly agent: Agent
  readonly openai?: Partial<OpenAIOptions>
  readonly twilio?: Partial<TwilioOptions>
  readonly env?: Record<string, string>
}

const depth = 'knomly_queue_depth'

/** Adds up the series of a metric that carry these labels. */
function sumOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
  return text
    .split('\n')
    .filter(line => /^\w+/.exec(line)?.[0] === name && wanted.every(label => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

type Teardown = { teardown(handler: () => unknown): void }

/** Sets a stage up and takes it down with the test. No server runs yet: `start` does that. */
export async function setStage(t: Teardown, options: StageOptions): Promise<Stage> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const twilio = await startTwilio({ accountSid, authToken, ...options.twilio })
  const openai = await startOpenAI({ apiKey: 'sk-test', agent: options.agent, ...options.openai })
  const dataDir = mkdtempSync(join(tmpdir(), 'knomly-test-'))
  const store = storeOf(process.env.MONGODB_URI)
  const running = new Set<ServerProcess>()
  const env = {
    PORT: String(port),
    PUBLIC_URL: url,
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_SENDERS: ours,
    TWILIO_API_URL: twilio.url,
    ALLOWED_SENDERS: '*',
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: openai.baseUrl,
    OPERATOR_TOKEN: operatorToken,
    DATA_DIR: dataDir,
    LOG_LEVEL: 'info',
    ...store.env,
    ...options.env
  }
  t.teardown(async () => {
    await Promise.all([...running].map(server => server.kill('SIGKILL')))
    await Promise.all([twilio.close(), openai.close()])
    rmSync(dataDir, { recursive: true, force: true })
    await store.drop()
  })
  const callerOf = (from: string, deliverTo = url, to = ours) =>
    createCaller({ accountSid, authToken, publicUrl: url, deliverTo, from, to, addMedia: twilio.addMedia })
  const api = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${operatorToken}`, ...init.headers } })

  async function execution(messageSid: string): Promise<Shown | null> {
    const response = await api(`/api/executions/messaging:${accountSid}:${messageSid}`)
    return response.status === 200 ? ((await response.json()) as Shown) : null
  }

  async function metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOf(await (await fetch(`${url}/metrics`)).text(), name, labels)
  }

  async function countOpen(): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text()
    return sumOf(text, depth, { state: 'queued' }) + sumOf(text, depth, { state: 'running' })
  }

  return {
    ...{ url, twilio, openai, env, dataDir, callerOf, api, execution, metric },
    read: address => twilio.messages.filter(message => message.to === address).map(message => message.body),
    settled: (timeoutMs = 30_000) => until(async () => (await countOpen()) === 0, timeoutMs),
    caller: callerOf(person),

    async start(more = {}, entry = 'src/server.ts') {
      const server = startProcess(entry, { ...env, ...more })
      running.add(server)
      void server.exited.then(() => running.delete(server))
      await until(async () => (await fetch(`${url}/health/ready`)).status === 200, startMs, server)
      return server
    },
    async ended(messageSid, states = ['done'], timeoutMs = 20_000) {
      let last: Shown | null = null
      await until(async () => {
        last = await execution(messageSid).catch(() => null)
        return last !== null && states.includes(last.state)
      }, timeoutMs).catch(() => {
        const kinds = last?.frames.map(frame => frame.kind).join(', ')
        throw new Error(`the execution is ${last?.state} and not ${states}: ${kinds}`)
      })
      return last as unknown as Shown
    }
  }
}

/** The embedded store, or a database of its own where the tests are run with MONGODB_URI. */
function storeOf(server: string | undefined): { env: Record<string, string>; drop(): Promise<void> } {
  if (server === undefined) return { env: {}, drop: async () => {} }
  const uri = databaseOn(server, `stage-${randomUUID()}`)
  return {
    env: { MONGODB_URI: uri, MASTER_KEY: randomBytes(32).toString('base64') },
    async drop() {
      const client = new MongoClient(uri)
      await client
        .db()
        .dropDatabase()
        .finally(() => client.close())
    }
  }
}

/** Starts a server process with nothing but the given environment. */
export function startProcess(entry: string, env: Record<string, string>): ServerProcess {
  // tap loads itself into every Node process it sees started, by NODE_OPTIONS: a server with it is slower, bigger and heeds other signals.
  const command = [`NODE_OPTIONS=${env.NODE_OPTIONS ?? ''}`, process.execPath, join(root, entry)]
  const child: ChildProcess = spawn('env', command, {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', ...compileCache(), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  child.stdout?.on('data', data => {
    output += data
  })
  child.stderr?.on('data', data => {
    output += data
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  return {
    pid: child.pid ?? 0,
    exited,
    output: () => output,
    kill(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return exited
    }
  }
}

/** Looks every 20 ms until `check` holds; a check that throws does not hold yet. Rejects after `timeoutMs`, or when the server has died. */
export async function until(check: () => unknown, timeoutMs = 10_000, server?: ServerProcess): Promise<void> {
  const deadline = performance.now() + timeoutMs
  let died = false
  void server?.exited.then(() => {
    died = true
  })
  while (true) {
    if (
      await Promise.resolve()
        .then(check)
        .catch(() => false)
    )
      return
    if (died) throw new Error(`the server died: ${server?.output().slice(-2_000)}`)
    if (performance.now() > deadline) throw new Error(`it did not come to hold within ${timeoutMs} ms`)
    await wait(20)
  }
}

/** A voice note of test/voices with its words. */
export function voice(name: string): { bytes: Buffer; text: string } {
  const lines = readFileSync(join(root, 'test/voices/transcripts.jsonl'), 'utf8').trim().split('\n')
  const line = lines.map(each => JSON.parse(each)).find(each => each.file === `${name}.ogg`)
  return { bytes: readFileSync(join(root, `test/voices/${name}.ogg`)), text: line.text }
}

/** A port of 127.0.0.1 that nobody holds, below those that systems give to outgoing connections: it stays free between two servers. */
export async function freePort(): Promise<number> {
  while (true) {
    const port = randomInt(11_000, 30_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false
    )
    await new Promise(resolve => server.close(resolve))
    if (isFree) return port
  }
}
