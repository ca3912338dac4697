import type { AgentItem, AgentRequest } from './agent-script.ts'

type Json = Readonly<Record<string, unknown>>

/** Reads the body of `POST /v1/responses`, or says in a sentence why the API would refuse it. */
export function readResponsesRequest(body: Json): AgentRequest | string {
  const input = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : listOf(body.input)
  const system: string[] = typeof body.instructions === 'string' ? [body.instructions] : []
  const items: AgentItem[] = []
  for (const entry of input) {
    const { type = 'message', role } = entry
    if (type === 'function_call') items.push(callOf(entry.call_id, entry))
    else if (type === 'function_call_output') items.push(resultOf(entry.call_id, entry.output))
    else if (type === 'message' && isSystem(role)) system.push(textOf(entry.content))
    else if (type === 'message' && isSpeaker(role)) {
      const flaw = partFlaw(role, entry.content)
      if (flaw !== null) return flaw
      items.push({ role, text: textOf(entry.content) })
    } else if (type !== 'reasoning') return `Invalid value: '${type}' in input.`
  }
  const tools = listOf(body.tools)
  return flawOf(body, items, tools) ?? requestOf('responses', body, system, items, tools)
}

/** Reads the body of `POST /v1/chat/completions`, or says in a sentence why the API would refuse it. */
export function readChatRequest(body: Json): AgentRequest | string {
  const system: string[] = []
  const items: AgentItem[] = []
  for (const { role, content, tool_calls: calls, tool_call_id: id } of listOf(body.messages)) {
    if (isSystem(role)) system.push(textOf(content))
    else if (role === 'tool') items.push(resultOf(id, content))
    else if (isSpeaker(role)) {
      if (textOf(content) !== '' || calls === undefined) items.push({ role, text: textOf(content) })
      for (const call of listOf(calls)) items.push(callOf(call.id, call.function as Json))
    } else return `Invalid value: '${role}' for messages[].role.`
  }
  const tools = listOf(body.tools).map(tool => tool.function as Json)
  return flawOf(body, items, tools) ?? requestOf('chat', body, system, items, tools)
}

function requestOf(
  api: AgentRequest['api'],
  body: Json,
  system: string[],
  items: AgentItem[],
  tools: Json[]
): AgentRequest {
  const toolNames = tools.map(tool => String(tool.name))
  return { api, model: String(body.model), instructions: system.join('\n'), items, toolNames, body }
}

/** What the real API refuses and a lenient stand-in would let pass: without these a wrong request is found on the first day live. */
function flawOf(body: Json, items: readonly AgentItem[], tools: readonly Json[]): string | null {
  if (typeof body.model !== 'string' || body.model === '') return 'you must provide a model parameter'
  if (body.stream === true) return 'The stand-in does not stream.'
  if (items.length === 0) return 'One of "input" or "messages" must be provided.'
  const calls = new Set<string>()
  const results = new Set<string>()
  for (const item of items) {
    if (item.role === 'call') calls.add(item.id)
    if (item.role !== 'result') continue
    if (!calls.has(item.id)) return `No tool call found for function call output with call_id ${item.id}.`
    results.add(item.id)
  }
  const open = [...calls].find(id => !results.has(id))
  if (open !== undefined) return `No tool output found for function call ${open}.`
  return tools.map(toolFlaw).find(flaw => flaw !== null) ?? null
}

// https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
function toolFlaw({ name, strict, parameters }: Json): string | null {
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(name))) return `Invalid tool name: string does not match pattern.`
  const { type, properties = {}, required = [], additionalProperties } = (parameters ?? {}) as Json
  if (type !== 'object')
    return `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"'.`
  if (strict !== true) return null
  const missing = Object.keys(properties as Json).filter(key => !(required as string[]).includes(key))
  if (missing.length > 0) {
    return `Invalid schema for function '${name}': 'required' must include every key in properties. Missing '${missing[0]}'.`
  }
  if (additionalProperties === false) return null
  return `Invalid schema for function '${name}': 'additionalProperties' is required to be supplied and to be false.`
}

function partFlaw(role: 'user' | 'assistant', content: unknown): string | null {
  if (typeof content === 'string') return null
  const allowed = role === 'user' ? ['input_text'] : ['output_text', 'refusal']
  const wrong = listOf(content).find(part => !allowed.includes(String(part.type)))
  return wrong === undefined ? null : `Invalid value: '${wrong.type}'. Supported values are: ${allowed.join(', ')}.`
}

function callOf(id: unknown, { name, arguments: text }: Json): AgentItem {
  return { role: 'call', id: String(id), name: String(name), arguments: String(text) }
}

function resultOf(id: unknown, output: unknown): AgentItem {
  return { role: 'result', id: String(id), output: textOf(output) }
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return listOf(content)
    .map(part => String(part.text ?? part.refusal ?? ''))
    .join('')
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value : []
}

function isSystem(role: unknown): boolean {
  return role === 'system' || role === 'developer'
}

function isSpeaker(role: unknown): role is 'user' | 'assistant' {
  return role === 'user' || role === 'assistant'
}
