import { appendFileSync, readFileSync } from 'node:fs'

/** A tool as a server of the tests lists it. */
export interface Listed {
  name: string
  description?: string
  inputSchema: Record<string, unknown>
  title?: string
  annotations?: Record<string, unknown>
}

/** How a server of the tests behaves: what it lists, and what each tool answers. It may be changed while it runs. */
export interface Behaviour {
  tools: Listed[]
  /** By tool: a result, an error of the protocol, or a misdeed. */
  answers?: Record<string, Answer>
  /** Also where a listing is under way. */
  listing?: 'garbage' | 'hang' | 'huge' | 'endless'
  calls?: { tool: string; args: unknown }[]
}

export type Answer =
  | { result: Record<string, unknown> }
  | { error: { code: number; message: string } }
  | { act: 'die' | 'hang' | 'garbage' | 'huge' | 'ask-back' }

type Message = { id?: number | string; method?: string; params?: Record<string, unknown> }
export type Reply = Record<string, unknown> | 'die' | 'hang' | 'garbage' | 'huge' | 'ask-back' | null

/** What a server that speaks the revisions before 2026 says to one message; null: nothing. */
export function replyTo({ id, method, params = {} }: Message, behaviour: Behaviour): Reply {
  const says = (result: object) => ({ jsonrpc: '2.0', id, result })
  const fails = (code: number, message: string) => ({ jsonrpc: '2.0', id, error: { code, message } })
  if (id === undefined || method === undefined) return null
  if (method === 'initialize') {
    const serverInfo = { name: 'stand-in', version: '1' }
    const { protocolVersion } = params
    return says({ protocolVersion, capabilities: { tools: { listChanged: true } }, serverInfo })
  }
  if (method === 'tools/list') return listing(behaviour, says)
  if (method !== 'tools/call') return fails(-32601, 'there is no such method')
  const { name, arguments: args } = params as { name: string; arguments: unknown }
  behaviour.calls?.push({ tool: name, args })
  const answer = behaviour.answers?.[name]
  if (answer === undefined) return says({ content: [{ type: 'text', text: `${name} was done` }] })
  if ('act' in answer) return answer.act
  return 'error' in answer ? fails(answer.error.code, answer.error.message) : says(answer.result)
}

function listing({ tools, listing }: Behaviour, says: (result: object) => Record<string, unknown>): Reply {
  if (listing === 'endless') return says({ tools, nextCursor: 'more' })
  return listing ?? says({ tools })
}

/** The behaviour of a server process: read anew at every message; its calls are written beside it. */
export function behaviourIn(file: string): Behaviour {
  const behaviour = JSON.parse(readFileSync(file, 'utf8')) as Behaviour
  const calls = {
    push: (call: unknown) => appendFileSync(`${file}.calls`, `${JSON.stringify(call)}\n`)
  } as unknown as NonNullable<Behaviour['calls']>
  return { ...behaviour, calls }
}
