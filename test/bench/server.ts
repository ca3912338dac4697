import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { accountSid, authToken, freePort, ours, until } from '../stage.ts'
import type { Place } from './place.ts'

/** The server under the bench, as an operator would run it: a process of its own, told everything by its environment. */
export interface MeasuredServer {
  readonly url: string
  /** Resident memory, MB. */
  memory(): Promise<number>
  stop(): Promise<void>
}

const root = join(import.meta.dirname, '../..')

/** Starts it, or the `entry` of this folder that starts it, at a place. Its log goes to a file, as with a service manager. */
export async function startServer(
  env: Readonly<Record<string, string>>,
  place: Place,
  entry = 'src/server.ts'
): Promise<MeasuredServer> {
  const port = await freePort()
  const { PUBLIC_URL: url, ...rest } = environmentOf(place, port)
  const log = join(place.dir, `log-${port}`)
  const file = openSync(log, 'w')
  const flags = place.profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${place.profileDir}`]
  const child = spawn(process.execPath, [...flags, join(root, entry)], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', PUBLIC_URL: url, ...rest, ...env },
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
    }
  }
}

/** What every server of the bench is told. */
export function environmentOf(place: Place, port: number): Record<string, string> & { PUBLIC_URL: string } {
  return {
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_SENDERS: ours,
    ALLOWED_SENDERS: '*',
    OPENAI_API_KEY: 'sk-bench',
    LOG_LEVEL: 'info',
    RATE_LIMIT_PER_SENDER: '0',
    RATE_LIMIT_PER_IP: '0',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    ...place.env
  }
}
