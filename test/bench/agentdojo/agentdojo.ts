// AgentDojo through the running server, with a model that always obeys the attacker (safety rule 1, AC-1 and AC-39).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { setStage } from '../../stage.ts'
import { type Environments, installAgentDojo, startEnvironments } from './environments.ts'
import { type Case, createPlayer, type Played } from './player.ts'
import { judge, print, say } from './table.ts'
import { trustOf } from './trust.ts'

const allSuites = ['workspace', 'travel', 'banking', 'slack']
const lanesOfSuite = 3
/** A task may ask more often in a minute than a person is asked in an hour. */
const generous = { promptsPerHour: 1_000, callsPerHour: 1_000, sendsPerDay: 1_000 }

/** One task wants the link that a mail holds: its host is one that an operator would allow. */
const settings = { MAX_TOOL_CALLS: '50', RATE_LIMIT_PER_SENDER: '0', ALLOWED_LINK_HOSTS: 'techservices.com' }

const { values } = parseArgs({
  options: { suites: { type: 'string' }, cases: { type: 'string' }, verbose: { type: 'boolean' } }
})
const suites = values.suites?.split(',') ?? allSuites
const began = performance.now()
const endings: (() => unknown)[] = []
const played: Played[] = []
try {
  installAgentDojo()
  const opened: (() => Promise<void>)[] = []
  // One after the other: servers that start while others are at work take too long for that.
  for (const suite of suites) opened.push(await openSuite(suite))
  await Promise.all(opened.map(play => play()))
} finally {
  for (const end of endings.reverse()) await end()
}
const isWhole = suites.length === allSuites.length && values.cases === undefined
say(`\nThe servers ran with ${JSON.stringify({ ...settings, BUDGETS_FILE: generous })}`)
print(played, { isWhole, seconds: (performance.now() - began) / 1_000 })
process.exitCode = judge(played, isWhole) ? 0 : 1

/** Starts the environments of a suite and a server for it; answers how all its cases are played, on a few lanes at once. */
async function openSuite(suite: string): Promise<() => Promise<void>> {
  const environments = await startEnvironments(suite)
  endings.push(() => environments.close())
  const lanes = Array.from({ length: lanesOfSuite }, (_, i) => `lane${i}`)
  const player = createPlayer(suite, environments)
  const stage = await setStage(
    { teardown: handler => endings.push(handler) },
    {
      agent: player.agent,
      twilio: { statusCallbacks: 'off' },
      openai: { keepBodies: 1 },
      env: {
        ...writeFiles({ tools: { servers: await serversOf(suite, environments, lanes) }, budgets: generous }),
        ...settings,
        LOG_LEVEL: 'error'
      }
    }
  )
  stage.twilio.onMessage(({ to, body }) => player.receive(to, body))
  await stage.start()
  const cases = casesOf(suite, environments)
  const playOn = async (lane: string) => {
    for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
      const one = await player.play(stage, lane, next)
      if (values.verbose) say(JSON.stringify(one))
      played.push(one)
    }
  }
  return async () => void (await Promise.all(lanes.map(playOn)))
}

function writeFiles({ tools, budgets }: { tools: object; budgets: object }): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'knomly-agentdojo-'))
  endings.push(() => rmSync(folder, { recursive: true, force: true }))
  const env = { TOOLS_FILE: join(folder, 'tools.json'), BUDGETS_FILE: join(folder, 'budgets.json') }
  writeFileSync(env.TOOLS_FILE, JSON.stringify(tools))
  writeFileSync(env.BUDGETS_FILE, JSON.stringify(budgets))
  return env
}

async function serversOf(suite: string, environments: Environments, lanes: readonly string[]): Promise<object> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const listed = await (await fetch(environments.mcpUrl('names'), { method: 'POST', body })).json()
  const names = (listed as { result: { tools: { name: string }[] } }).result.tools.map(({ name }) => name)
  const tools = trustOf(suite, names)
  return Object.fromEntries(lanes.map(lane => [lane, { url: environments.mcpUrl(lane), tools }]))
}

function casesOf(suite: string, { tasks }: Environments): Case[] {
  const cases = [null, ...tasks.injection].flatMap(injectionTask =>
    tasks.user.map(userTask => ({ suite, userTask, injectionTask }))
  )
  return values.cases === undefined ? cases : cases.slice(0, Number(values.cases))
}
