import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** The server as a process of its own, which can be started again on the same folder. */
export interface DemoServer {
  readonly logFile: string
  /** Starts it and waits until it is ready. Rejects with the end of its log where it is not. */
  start(): Promise<void>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Lets it finish what it does; what has not ended after a while is killed. */
  stop(): Promise<void>
}

/** Makes the server of `url`, not started yet: it gets these environment variables and no others. */
export function createDemoServer(options: {
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  readonly logFile: string
  readonly signal: AbortSignal
}): DemoServer {
  const { url, env, logFile, signal } = options
  let child: ChildProcess | undefined
  let exited: Promise<unknown> = Promise.resolve()
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null

  async function end(by: NodeJS.Signals): Promise<void> {
    if (!isRunning()) return
    child?.kill(by)
    await exited
  }

  return {
    logFile,
    async start() {
      const log = openSync(logFile, 'a', 0o600)
      child = spawn(process.execPath, [join(import.meta.dirname, '../server.ts')], { env, stdio: ['ignore', log, log] })
      closeSync(log)
      exited = once(child, 'exit').catch(() => undefined)
      const deadline = performance.now() + readyWithinMs
      while (!(await isReady(url))) {
        if (!isRunning() || performance.now() > deadline) {
          throw new Error(
            `The server did not come up; the end of its log:\n${readFileSync(logFile, 'utf8').slice(-1_500)}`
          )
        }
        await wait(20, undefined, { signal })
      }
    },
    kill: () => end('SIGKILL'),
    async stop() {
      const impatience = setTimeout(() => void end('SIGKILL'), stopWithinMs)
      await end('SIGTERM')
      clearTimeout(impatience)
    }
  }
}

const readyWithinMs = 30_000
const stopWithinMs = 2_000

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/ready`).catch(() => null)
  await response?.body?.cancel()
  return response?.status === 200
}
