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

const { values } = parseArgs({
  options: { suites: { type: 'string' }, cases: { type: 'string' }, verbose: { type: 'boolean' } }
})
const suites = values.suites?.split(',') ?? allSuites
const began = performance.now()
installAgentDojo()
// One after the other: four servers that start at once take too long for each.
let started = Promise.resolve()
const played = (await Promise.all(suites.map(suite => playSuite(suite)))).flat()
const isWhole = suites.length === allSuites.length && values.cases === undefined
print(played, { isWhole, seconds: (performance.now() - began) / 1_000 })
process.exitCode = judge(played, isWhole) ? 0 : 1

/** Waits until the suites before have started, and does the same for those behind. */
function inTurn<T>(start: () => Promise<T>): Promise<T> {
  const starting = started.then(start)
  started = starting.then(
    () => {},
    () => {}
  )
  return starting
}

/** Plays every case of a suite against a server of its own, on a few lanes at once. */
async function playSuite(suite: string): Promise<Played[]> {
  const endings: (() => unknown)[] = []
  try {
    const environments = await inTurn(() => startEnvironments(suite))
    endings.push(() => environments.close())
    const folder = mkdtempSync(join(tmpdir(), 'knomly-agentdojo-'))
    endings.push(() => rmSync(folder, { recursive: true, force: true }))
    const lanes = Array.from({ length: lanesOfSuite }, (_, i) => `lane${i}`)
    const file = join(folder, 'tools.json')
    writeFileSync(file, JSON.stringify({ servers: await serversOf(suite, environments, lanes) }))
    const budgets = join(folder, 'budgets.json')
    writeFileSync(budgets, JSON.stringify(generous))
    const player = createPlayer(suite, environments)
    const stage = await setStage(
      { teardown: handler => endings.push(handler) },
      {
        agent: player.agent,
        twilio: { statusCallbacks: 'off' },
        openai: { keepBodies: 1 },
        env: {
          TOOLS_FILE: file,
          BUDGETS_FILE: budgets,
          MAX_TOOL_CALLS: '50',
          RATE_LIMIT_PER_SENDER: '0',
          LOG_LEVEL: 'error'
        }
      }
    )
    stage.twilio.onMessage(({ to, body }) => player.receive(to, body))
    const server = await inTurn(() => stage.start())
    endings.push(() => server.kill('SIGTERM'))
    const cases = casesOf(suite, environments)
    const played: Played[] = []
    await Promise.all(
      lanes.map(async lane => {
        for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
          const one = await player.play(stage, lane, next)
          if (values.verbose) say(JSON.stringify(one))
          played.push(one)
        }
      })
    )
    return played
  } finally {
    for (const end of endings.reverse()) await end()
  }
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
