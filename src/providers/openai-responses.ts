import type { ResponseCreateParamsNonStreaming, ResponseInputItem } from 'openai/resources/responses/responses'
import { z } from 'zod'
import { Failure } from '../frames/failure.ts'
import { failureOfCode } from './openai-failures.ts'
import { boundedTurn, sendableArguments, sendableName } from './openai-turn.ts'
import type { Item, Request, Turn } from './provider.ts'

/** A request of the Responses API that leaves nothing behind there: what came before is sent along, not referred to. */
export function responsesRequest(request: Request, model: string): ResponseCreateParamsNonStreaming {
  return {
    model,
    instructions: request.instructions,
    input: request.items.map(inputItem),
    store: false,
    ...(request.tools.length === 0 ? {} : { tools: request.tools.map(functionTool), parallel_tool_calls: false })
  }
}

/** Reads a Response. Throws PROVIDER_GARBLED where it is none, and the failure that it reports itself. */
export function readResponse(body: unknown, items: readonly Item[]): Pick<Turn, 'text' | 'calls' | 'tokens'> {
  const parsed = response.safeParse(body)
  if (!parsed.success) throw new Failure('PROVIDER_GARBLED')
  const { status, error, incomplete_details: incomplete, output, usage } = parsed.data
  if (status === 'failed') throw new Failure(failureOfCode(error?.code ?? null) ?? 'PROVIDER_GARBLED')
  if (incomplete?.reason === 'content_filter') throw new Failure('PROVIDER_CONTENT_REFUSED')
  if (output === undefined) throw new Failure('PROVIDER_GARBLED')
  const calls = output.filter(isOf('function_call')).flatMap(item => functionCall.safeParse(item).data ?? [])
  // Half an answer is not acted upon: what was still to come could have changed what the calls mean.
  const cutOff = status === 'incomplete' || calls.some(call => call.status === 'incomplete')
  if (cutOff && calls.length > 0) throw new Failure('PROVIDER_GARBLED')
  const messages = output.filter(isOf('message')).flatMap(item => message.safeParse(item).data ?? [])
  const text = messages.map(({ content }) => content.join('')).join('\n')
  const named = calls.map(call => ({ id: call.call_id, name: call.name, arguments: call.arguments }))
  return { ...boundedTurn(text, named, items), tokens: { input: usage.input_tokens, output: usage.output_tokens } }
}

/** Asked before an item is parsed: to say why something else is none costs more than to read it. */
const isOf = (type: string) => (item: unknown) =>
  typeof item === 'object' && item !== null && (item as { type?: unknown }).type === type

function inputItem(item: Item): ResponseInputItem {
  switch (item.role) {
    case 'call':
      return {
        type: 'function_call',
        call_id: item.id,
        name: sendableName(item.tool),
        arguments: sendableArguments(item.arguments)
      }
    case 'result':
      return { type: 'function_call_output', call_id: item.id, output: item.output }
    default:
      return { role: item.role, content: item.text }
  }
}

/** Not strict: that mode forbids optional properties, and the arguments are checked here in any case. */
function functionTool({ name, description, parameters }: Request['tools'][number]) {
  return { type: 'function' as const, name, description, parameters: { ...parameters }, strict: false }
}

const count = z.int().min(0).catch(0)
const response = z.object({
  status: z.string().nullish().catch(null),
  error: z.object({ code: z.string() }).nullish().catch(null),
  incomplete_details: z.object({ reason: z.string() }).nullish().catch(null),
  output: z.array(z.unknown()).optional(),
  usage: z.object({ input_tokens: count, output_tokens: count }).catch({ input_tokens: 0, output_tokens: 0 })
})

const part = z
  .union([
    z.object({ text: z.string() }),
    z.object({ refusal: z.string() }).transform(({ refusal }) => ({ text: refusal }))
  ])
  .transform(({ text }) => text)
  .catch('')
const message = z.object({ type: z.literal('message'), content: z.array(part) })

const anything = z.unknown().optional()
const functionCall = z.object({
  type: z.literal('function_call'),
  call_id: anything,
  name: anything,
  arguments: anything,
  status: anything
})
