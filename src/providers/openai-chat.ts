import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageFunctionToolCall,
  ChatCompletionMessageParam
} from 'openai/resources/chat/completions'
import { z } from 'zod'
import { Failure } from '../frames/failure.ts'
import { boundedTurn, sendableArguments, sendableName } from './openai-turn.ts'
import type { Item, Request, Turn } from './provider.ts'

/** A request of Chat Completions with only what every compatible server knows. */
export function chatRequest(request: Request, model: string): ChatCompletionCreateParamsNonStreaming {
  return {
    model,
    messages: [{ role: 'system', content: request.instructions }, ...messagesOf(request.items)],
    ...(request.tools.length === 0 ? {} : { tools: request.tools.map(functionTool), parallel_tool_calls: false })
  }
}

/** Reads a Chat Completion, with the liberties that compatible servers take. Throws PROVIDER_GARBLED where it is none. */
export function readChat(body: unknown, items: readonly Item[]): Pick<Turn, 'text' | 'calls' | 'tokens'> {
  const parsed = completion.safeParse(body)
  const choice = parsed.data?.choices[0]
  if (parsed.data === undefined || choice === undefined) throw new Failure('PROVIDER_GARBLED')
  const { message, finish_reason: reason } = choice
  if (reason === 'content_filter') throw new Failure('PROVIDER_CONTENT_REFUSED')
  const calls = (message.tool_calls ?? []).map(call => ({ id: call.id, ...call.function }))
  if (calls.length === 0 && message.function_call) calls.push({ id: undefined, ...message.function_call })
  if (reason === 'length' && calls.length > 0) throw new Failure('PROVIDER_GARBLED')
  const { prompt_tokens: input, completion_tokens: output } = parsed.data.usage
  return { ...boundedTurn(message.content || message.refusal || '', calls, items), tokens: { input, output } }
}

/** Calls belong to the assistant's message before them, and their results follow it. */
function messagesOf(items: readonly Item[]): ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] = []
  const names = new Map<string, string>()
  for (const item of items) {
    if (item.role === 'call') {
      const call = toolCall(item)
      names.set(call.id, call.function.name)
      const last = messages.at(-1)
      if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call]
      else messages.push({ role: 'assistant', content: null, tool_calls: [call] })
    } else if (item.role === 'result') {
      // Gemini's endpoint refuses a result without the name of its tool; the others do not mind one.
      const result = { role: 'tool' as const, tool_call_id: item.id, content: item.output, name: names.get(item.id) }
      messages.push(result)
    } else {
      messages.push({ role: item.role, content: item.text })
    }
  }
  return messages
}

function toolCall({
  id,
  tool,
  arguments: text
}: Extract<Item, { role: 'call' }>): ChatCompletionMessageFunctionToolCall {
  return { id, type: 'function', function: { name: sendableName(tool), arguments: sendableArguments(text) } }
}

function functionTool({ name, description, parameters }: Request['tools'][number]) {
  return { type: 'function' as const, function: { name, description, parameters: { ...parameters } } }
}

const count = z.int().min(0).catch(0)
const anything = z.unknown().optional()
const called = z.object({ name: anything, arguments: anything })
const part = z.union([z.string(), z.object({ text: z.string() }).transform(({ text }) => text)]).catch('')
const content = z.union([z.string(), z.array(part).transform(parts => parts.join(''))]).nullish()
const completion = z.object({
  choices: z.array(
    z.object({
      message: z.object({
        content,
        refusal: z.string().nullish().catch(null),
        tool_calls: z.array(z.object({ id: anything, function: called })).nullish(),
        function_call: called.nullish()
      }),
      finish_reason: z.string().nullish().catch(null)
    })
  ),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).catch({ prompt_tokens: 0, completion_tokens: 0 })
})
