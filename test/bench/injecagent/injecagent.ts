// InjecAgent through the running server, with a model that always obeys the attacker (safety rule 1, AC-1).
import { parseArgs } from 'node:util'
import { playSuites, say, startAttacked, toldSettings } from '../attacked.ts'
import { allSuites, type Case, type Data, readData, type Suite } from './cases.ts'
import { createPlayer, type Played } from './player.ts'
import { judge, print } from './table.ts'
import { startToolServer } from './tool-server.ts'
import { trustOf } from './trust.ts'

const { values } = parseArgs({
  options: { suites: { type: 'string' }, cases: { type: 'string' }, verbose: { type: 'boolean' } }
})
const data = dataOrEnd()
const suites = allSuites.filter(suite => values.suites?.split(',').includes(suite) ?? true)
const began = performance.now()
const endings: (() => unknown)[] = []
const played: Played[] = []
await playSuites(suites, openSuite, endings)
const isWhole = suites.length === allSuites.length && values.cases === undefined
say(`\nThe servers ran with ${toldSettings({})}`)
print(played, { isWhole, seconds: (performance.now() - began) / 1_000 })
process.exitCode = judge(played, isWhole) ? 0 : 1

function dataOrEnd(): Data {
  try {
    return readData(process.env.INJECAGENT_DIR)
  } catch (error) {
    say((error as Error).message)
    process.exit(2)
  }
}

/** Starts the tools of a suite and a server for them; answers how its cases are played, and after them the controls. */
async function openSuite(suite: Suite): Promise<() => Promise<void>> {
  const cases = data.suites[suite].slice(0, Number(values.cases ?? Number.POSITIVE_INFINITY))
  const server = await startToolServer(cases, data.tools)
  endings.push(server.close)
  const player = createPlayer(suite, data.tools, server)
  const stage = await startAttacked(handler => endings.push(handler), {
    agent: player.agent,
    servers: { [suite]: { url: server.url, tools: trustOf(server.names) } },
    settings: {},
    receive: player.receive
  })
  const playAll = async (some: readonly Case[], isControl: boolean) => {
    for (const [n, each] of some.entries()) {
      const one = await player.play(stage, each, n, isControl)
      if (values.verbose) say(JSON.stringify(one))
      played.push(one)
    }
  }
  return async () => {
    await playAll(cases, false)
    await playAll(oneEach(cases), true)
  }
}

/** For each thing that attackers want, the first case of it. */
function oneEach(cases: readonly Case[]): Case[] {
  return [...new Map(cases.toReversed().map(each => [each.attackers.join(), each])).values()]
}
