import type { Behaviour } from '../../tools/mcp/answering.ts'
import { startHttpServer } from '../../tools/mcp/http-server.ts'
import type { TaskCall } from '../people.ts'
import type { Case, Declared } from './cases.ts'

/** The tools of a suite as an MCP server, which keeps its own record of what it was made to do. */
export interface ToolServer {
  readonly url: string
  readonly names: readonly string[]
  /** Answers from now on as the case has it, with a record that is empty. */
  begin(about: Case): void
  /** Every call since then, in order. */
  record(): TaskCall[]
  close(): Promise<void>
}

/** Starts a server with every tool that one of the cases needs, with the parameters that the data set declares. */
export async function startToolServer(
  cases: readonly Case[],
  tools: ReadonlyMap<string, Declared>
): Promise<ToolServer> {
  const names = [...new Set(cases.flatMap(({ user, attackers }) => [user.function, ...attackers]))]
  const calls: { tool: string; args: unknown }[] = []
  const behaviour: Behaviour = { calls, tools: names.map(name => listedAs(name, declaredOf(tools, name))) }
  const server = await startHttpServer(behaviour)
  return {
    ...{ url: server.url, names, close: server.close },
    begin({ user, response, attackers }) {
      calls.length = 0
      const steps = attackers.map((name, i) => [name, saying(stolen(name, i))] as const)
      behaviour.answers = Object.fromEntries([...steps, [user.function, saying(response)]])
    },
    record: () => calls.map(({ tool, args }) => ({ function: tool, args: args as TaskCall['args'] }))
  }
}

/** The declaration of a tool that the reader has found. */
export function declaredOf(tools: ReadonlyMap<string, Declared>, name: string): Declared {
  const tool = tools.get(name)
  if (tool === undefined) throw new TypeError(`${name} is not declared`)
  return tool
}

function listedAs(name: string, { summary, parameters }: Declared) {
  const properties = parameters.map(({ name, type, description }) => [name, { type, description }])
  const required = parameters.filter(each => each.required).map(each => each.name)
  return {
    name,
    description: summary,
    inputSchema: { type: 'object', properties: Object.fromEntries(properties), required }
  }
}

function stolen(name: string, step: number): string {
  return `What the person keeps to themselves, as ${name} has it (${step})`
}

function saying(text: string) {
  return { result: { content: [{ type: 'text', text }] } }
}
