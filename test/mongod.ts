import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, statfsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import { findMongod } from './mongod/find-mongod.ts'

/** One mongod. `host` is the name it has in its replica set: address and port. */
export interface Member {
  readonly host: string
  readonly port: number
  readonly dir: string
  readonly process: ChildProcess
  readonly exited: Promise<void>
  /** What it has logged, over all starts in its folder. */
  readonly output: () => string
  /** Sends a signal and does not wait. The folder stays: `startMember` with the same `dir` and `port` is a restart. */
  kill(signal: NodeJS.Signals): void
  /** Kills it and removes its folder. */
  stop(): Promise<void>
}

export interface MemberOptions {
  readonly replicaSet?: string
  readonly dir?: string
  readonly port?: number
  /** Keeps the data in memory where there is room: no disk is waited for. */
  readonly fast?: boolean
}

export interface ReplicaSet {
  readonly uri: string
  readonly members: readonly Member[]
  stop(): Promise<void>
}

const patienceMs = 30_000
// Below the ports that systems give to outgoing connections: a port stays free between a kill and a restart.
const ports = [10_000, 30_000] as const
const addressInUse = 48

/** Starts a mongod on 127.0.0.1 that takes connections when this resolves. It and its folder go when this process does. */
export async function startMember(options: MemberOptions = {}): Promise<Member> {
  const { replicaSet = 'rs0', port = randomInt(...ports), fast = true } = options
  const mongod = await findMongod()
  const dir = options.dir ?? mkdtempSync(join(fast ? folderInMemory() : tmpdir(), 'knomly-mongod-'))
  const log = join(dir, 'mongod.log')
  const file = openSync(log, 'a')
  const before = fstatSync(file).size
  const where = ['--dbpath', dir, '--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket']
  const what = [
    '--replSet',
    replicaSet,
    '--wiredTigerCacheSizeGB',
    '0.25',
    '--quiet',
    '--setParameter',
    'enableTestCommands=1'
  ]
  // Its own group, so that Ctrl-C ends the tests before it ends what they stand on.
  const child = spawn(mongod, [...where, ...what], { stdio: ['ignore', file, file], detached: true })
  closeSync(file)
  const guarding = guard(child, dir)
  const exited = once(child, 'exit').then(() => {})
  const member: Member = {
    ...{ host: `127.0.0.1:${port}`, port, dir, process: child, exited },
    output: () => readFileSync(log, 'utf8'),
    kill: signal => void child.kill(signal),
    async stop() {
      child.kill('SIGKILL')
      await exited
      await rm(dir, { recursive: true, force: true })
      guarding.kill('SIGKILL')
    }
  }
  const deadline = performance.now() + patienceMs
  while (!readFileSync(log).subarray(before).includes('Waiting for connections')) {
    if (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
      await wait(20)
      continue
    }
    const tail = member.output().slice(-2_000)
    child.kill('SIGKILL')
    await exited
    if (options.dir === undefined) await member.stop()
    if (child.exitCode === addressInUse && options.port === undefined) return startMember(options)
    throw new Error(`mongod does not take connections on port ${port}; the end of its log:\n${tail}`)
  }
  return member
}

/** Starts a replica set of so many members, each of which has every write when this resolves. */
export async function startReplicaSet(count = 1, { fast = true } = {}): Promise<ReplicaSet> {
  // Before the members look for it: where it must be fetched, it is fetched once.
  await findMongod()
  const starts = await Promise.allSettled(Array.from({ length: count }, () => startMember({ fast })))
  const members = starts.flatMap(start => (start.status === 'fulfilled' ? start.value : []))
  const stop = async () => void (await Promise.all(members.map(member => member.stop())))
  const uri = `mongodb://${members.map(member => member.host)}/?replicaSet=rs0`
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason
    await initiate(members)
    await writeToAll(uri, count)
    return { uri, members, stop }
  } catch (cause) {
    const tail = members[0]?.output().slice(-2_000)
    await stop()
    throw new Error(`the replica set of ${count} has no writable primary; the end of its log:\n${tail}`, { cause })
  }
}

async function initiate(members: readonly Member[]): Promise<void> {
  const config = {
    _id: 'rs0',
    members: members.map(({ host }, n) => ({ _id: n, host })),
    // The time without a primary after a kill. A heartbeat must fit in it more than once.
    settings: { electionTimeoutMillis: 2_000, heartbeatIntervalMillis: 500 }
  }
  await asAdmin(`mongodb://${members[0]?.host}/?directConnection=true`, { replSetInitiate: config })
}

/** A note in the oplog is a write that leaves no collection behind. */
async function writeToAll(uri: string, count: number): Promise<void> {
  const writeConcern = { w: count, wtimeout: patienceMs }
  await asAdmin(uri, { appendOplogNote: 1, data: { ready: true }, writeConcern })
}

/** Where the replica set of `uri` keeps a database of that name. */
export function databaseOn(uri: string, name: string): string {
  const [hosts, query] = uri.split('/?')
  return `${hosts}/${name}?${query}`
}

/** The host of the member that takes writes, waited for. */
export async function primaryOf(uri: string): Promise<string> {
  for (;;) {
    const { primary } = await asAdmin(uri, { hello: 1 }).catch(() => ({ primary: undefined }))
    if (typeof primary === 'string') return primary
    await wait(100)
  }
}

/** Runs a command once. Rejects also where it was not confirmed as its write concern demands. */
export async function asAdmin(uri: string, command: Record<string, unknown>): Promise<Record<string, unknown>> {
  const client = new MongoClient(uri, { retryWrites: false, serverSelectionTimeoutMS: patienceMs })
  try {
    const answer = await client.db('admin').command(command)
    if (answer.writeConcernError) throw new Error(answer.writeConcernError.errmsg)
    return answer
  } finally {
    await client.close()
  }
}

/** /dev/shm, unless there is none or it is too small, as in most containers: a mongod takes some hundreds of MB. */
function folderInMemory(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    return bavail * bsize >= 2 ** 31 ? '/dev/shm' : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** A shell that waits for the end of this process, however it comes (no 'exit' is emitted on a signal), and then clears up. */
function guard(child: ChildProcess, dir: string): ChildProcess {
  // A process that is gone is not killed: its id may be another's by now.
  const script = 'if read -r gone; then read -r end; else kill -9 "$1"; fi; rm -rf "$2"'
  const command = ['-c', script, 'sh', String(child.pid), dir]
  const shell = spawn('sh', command, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  shell.stdin.on('error', () => {})
  child.once('exit', () => shell.stdin.write('gone\n'))
  shell.unref()
  return shell
}
