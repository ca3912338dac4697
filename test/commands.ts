import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { runCommand } from '../src/cli.ts'
import { compileCache } from './compile-cache.ts'

const root = join(import.meta.dirname, '..')

/** What came of a process that was run to its end. */
export interface Ran {
  readonly code: number | null
  /** Both streams, as a person at the terminal sees them. */
  readonly output: string
}

/** A running process of the repository, started with nothing but the given environment. */
export interface Running {
  readonly output: () => string
  readonly ended: Promise<Ran>
  kill(signal: NodeJS.Signals): void
}

/** Starts a file of the repository with Node. */
export function startFile(file: string, args: readonly string[], env: Record<string, string>, cwd = root): Running {
  const child = spawn(process.execPath, [join(root, file), ...args], {
    cwd,
    env: { ...compileCache(), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', data => {
      output += data
    })
  }
  return {
    output: () => output,
    ended: once(child, 'close').then(([code]) => ({ code, output })),
    kill: signal => void child.kill(signal)
  }
}

/** Runs a command line of `knomly` in this process: what takes a process of its own is not said again by each case. */
export async function runHere(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  const stream = new PassThrough()
  const code = await runCommand(args, { env, stdout: stream, stderr: stream })
  return { code, output: stream.read()?.toString() ?? '' }
}

/** Runs a command of `knomly` to its end. */
export function knomly(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  return startFile('src/cli.ts', args, env).ended
}
