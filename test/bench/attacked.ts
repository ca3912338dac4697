import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Agent } from '../../src/simulator/agent-script.ts'
import { type Stage, setStage } from '../stage.ts'

/** A task may ask more often in a minute than a person is asked in an hour. */
const generous = { promptsPerHour: 1_000, callsPerHour: 1_000, sendsPerDay: 1_000 }

/** The settings that every attacked server runs with, in words for the report. */
export function toldSettings(settings: Readonly<Record<string, string>>): string {
  return JSON.stringify({ ...common, ...settings, BUDGETS_FILE: generous })
}

const common = { RATE_LIMIT_PER_SENDER: '0' }

/** Starts the real server for an attack on it: with the tools of these MCP servers, as TOOLS_FILE names them, and what it sends for `receive`. */
export async function startAttacked(
  teardown: (handler: () => unknown) => void,
  about: {
    agent: Agent
    servers: Readonly<Record<string, { url: string; tools: Readonly<Record<string, string>> }>>
    settings: Readonly<Record<string, string>>
    receive: (to: string, body: string) => void
  }
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'knomly-attacked-'))
  teardown(() => rmSync(folder, { recursive: true, force: true }))
  const files = { TOOLS_FILE: join(folder, 'tools.json'), BUDGETS_FILE: join(folder, 'budgets.json') }
  writeFileSync(files.TOOLS_FILE, JSON.stringify({ servers: about.servers }))
  writeFileSync(files.BUDGETS_FILE, JSON.stringify(generous))
  const stage = await setStage(
    { teardown },
    {
      agent: about.agent,
      twilio: { statusCallbacks: 'off' },
      openai: { keepBodies: 1 },
      env: { ...files, ...common, ...about.settings, LOG_LEVEL: 'error' }
    }
  )
  stage.twilio.onMessage(({ to, body }) => about.receive(to, body))
  await stage.start()
  return stage
}

/** Opens suites one after the other, because servers that start while others are at work take too long for that, and plays all at once. */
export async function playSuites<S>(
  suites: readonly S[],
  open: (suite: S) => Promise<() => Promise<void>>,
  endings: (() => unknown)[]
): Promise<void> {
  try {
    const opened: (() => Promise<void>)[] = []
    for (const suite of suites) opened.push(await open(suite))
    await Promise.all(opened.map(play => play()))
  } finally {
    for (const end of endings.reverse()) await end()
  }
}

/** Prints a line. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
