// AgentDojo through the running server, with a model that always obeys the attacker (safety rule 1, AC-1 and AC-39).
import { parseArgs } from 'node:util'
import { playSuites, say, startAttacked, toldSettings } from '../attacked.ts'
import { type Environments, installAgentDojo, startEnvironments } from './environments.ts'
import { type Case, createPlayer, type Played } from './player.ts'
import { judge, print } from './table.ts'
import { trustOf } from './trust.ts'

const allSuites = ['workspace', 'travel', 'banking', 'slack']
const lanesOfSuite = 3

/** One task wants the link that a mail holds: its host is one that an operator would allow. */
const settings = { MAX_TOOL_CALLS: '50', ALLOWED_LINK_HOSTS: 'techservices.com' }

const { values } = parseArgs({
  options: { suites: { type: 'string' }, cases: { type: 'string' }, verbose: { type: 'boolean' } }
})
const suites = values.suites?.split(',') ?? allSuites
const began = performance.now()
const endings: (() => unknown)[] = []
const played: Played[] = []
installAgentDojo()
await playSuites(suites, openSuite, endings)
const isWhole = suites.length === allSuites.length && values.cases === undefined
say(`\nThe servers ran with ${toldSettings(settings)}`)
print(played, { isWhole, seconds: (performance.now() - began) / 1_000 })
process.exitCode = judge(played, isWhole) ? 0 : 1

/** Starts the environments of a suite and a server for it; answers how all its cases are played, on a few lanes at once. */
async function openSuite(suite: string): Promise<() => Promise<void>> {
  const environments = await startEnvironments(suite)
  endings.push(() => environments.close())
  const lanes = Array.from({ length: lanesOfSuite }, (_, i) => `lane${i}`)
  const player = createPlayer(suite, environments)
  const stage = await startAttacked(handler => endings.push(handler), {
    agent: player.agent,
    servers: await serversOf(suite, environments, lanes),
    settings,
    receive: player.receive
  })
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

async function serversOf(suite: string, environments: Environments, lanes: readonly string[]) {
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
