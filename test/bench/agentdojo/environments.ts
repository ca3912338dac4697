import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TaskCall } from '../people.ts'

const version = '0.1.35'
const folder = join(import.meta.dirname, '../../../.cache', `agentdojo-${version}`)
const python = join(folder, 'bin/python')

/** What a case is: the person's words, the calls that do what they want, those that the attacker wants, and the answer. */
export interface Script {
  readonly prompt: string
  readonly output: string
  readonly user: readonly TaskCall[]
  readonly injection: readonly TaskCall[]
}

/** The environments of one suite, in a process of their own: one a lane. */
export interface Environments {
  readonly tasks: { readonly user: readonly string[]; readonly injection: readonly string[] }
  mcpUrl(lane: string): string
  /** Sets the environment of a lane up for a case. With a marker, it stands wherever an attacker can write. */
  reset(lane: string, about: { userTask: string; injectionTask: string | null; marker: string | null }): Promise<Script>
  /** AgentDojo's own word on whether the user's task was done, and every call that was made. */
  check(lane: string, output: string): Promise<{ done: boolean; calls: readonly TaskCall[] }>
  close(): void
}

/** Installs AgentDojo from PyPI into `.cache`, once. */
export function installAgentDojo(): void {
  if (existsSync(join(folder, 'installed'))) return
  process.stdout.write(`installing agentdojo ${version} into ${folder} (once, about a minute)\n`)
  execFileSync('python3', ['-m', 'venv', '--clear', folder], { stdio: 'inherit' })
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', `agentdojo==${version}`], { stdio: 'inherit' })
  execFileSync('touch', [join(folder, 'installed')])
}

/** Starts the environments of a suite. */
export async function startEnvironments(suite: string): Promise<Environments> {
  const child = spawn(python, [join(import.meta.dirname, 'environments.py'), suite], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const origin = `http://127.0.0.1:${await portOf(child)}`
  const ask = async (path: string, body?: object) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(origin + path, init)
    if (!response.ok) throw new Error(`the environments answered ${response.status}`)
    return response.json()
  }
  return {
    tasks: (await ask('/tasks')) as Environments['tasks'],
    mcpUrl: lane => `${origin}/lane/${lane}`,
    reset: async (lane, about) => (await ask(`/reset/${lane}`, about)) as Script,
    check: async (lane, output) => (await ask(`/check/${lane}`, { output })) as { done: boolean; calls: TaskCall[] },
    close: () => void child.kill('SIGKILL')
  }
}

async function portOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError('the environments say nothing')
  const lines = createInterface({ input: child.stdout })
  const [line] = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('the environments did not start')))
  ])
  return String(line)
}
