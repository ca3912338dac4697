import { randomUUID } from 'node:crypto'
import type { AgentRequest, Turn } from './agent-script.ts'

/** A turn as `POST /v1/responses` answers it (https://platform.openai.com/docs/api-reference/responses/object). */
export function responsesAnswer(request: AgentRequest, turn: Turn): object {
  const { body, model } = request
  const [input, output] = tokens(request, turn)
  return {
    id: newId('resp_'),
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status: turn.incomplete === undefined ? 'completed' : 'incomplete',
    background: false,
    error: null,
    incomplete_details: turn.incomplete === undefined ? null : { reason: turn.incomplete },
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model,
    output: outputOf(turn),
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: body.store ?? true,
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: 1,
    truncation: 'disabled',
    usage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: input + output
    },
    user: null,
    metadata: {}
  }
}

/** A turn as `POST /v1/chat/completions` answers it (https://platform.openai.com/docs/api-reference/chat/object). */
export function chatAnswer(request: AgentRequest, turn: Turn): object {
  const [input, output] = tokens(request, turn)
  const calls = turn.calls?.map(({ name, arguments: args, id = newId('call_') }) => ({
    id,
    type: 'function',
    function: { name, arguments: textOf(args) }
  }))
  const message = { role: 'assistant', content: turn.text ?? null, refusal: turn.refusal ?? null, annotations: [] }
  return {
    id: newId('chatcmpl-'),
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: request.model,
    choices: [
      {
        index: 0,
        message: calls?.length ? { ...message, tool_calls: calls } : message,
        logprobs: null,
        finish_reason: finishReason(turn)
      }
    ],
    usage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 }
    },
    service_tier: 'default',
    system_fingerprint: 'fp_stand_in'
  }
}

function outputOf({ text, refusal, calls = [], incomplete }: Turn): object[] {
  const status = incomplete === undefined ? 'completed' : 'incomplete'
  const content = [
    ...(text === undefined ? [] : [{ type: 'output_text', text, annotations: [], logprobs: [] }]),
    ...(refusal === undefined ? [] : [{ type: 'refusal', refusal }])
  ]
  const message = { id: newId('msg_'), type: 'message', status, role: 'assistant', content }
  return [
    ...(content.length > 0 ? [message] : []),
    ...calls.map(({ name, arguments: args, id = newId('call_') }) => ({
      id: newId('fc_'),
      type: 'function_call',
      status: 'completed',
      call_id: id,
      name,
      arguments: textOf(args)
    }))
  ]
}

function finishReason({ incomplete, calls }: Turn): string {
  if (incomplete === 'content_filter') return 'content_filter'
  if (incomplete === 'max_output_tokens') return 'length'
  return calls?.length ? 'tool_calls' : 'stop'
}

// Four characters a token is the usual estimate; what matters is that the figures are there and stay the same.
function tokens({ instructions, items }: AgentRequest, turn: Turn): [number, number] {
  const shown = items.reduce((sum, item) => sum + ('text' in item ? item.text.length : 40), instructions.length)
  return [Math.ceil(shown / 4), Math.ceil(JSON.stringify(turn).length / 4)]
}

function textOf(args: object | string): string {
  return typeof args === 'string' ? args : JSON.stringify(args)
}

function newId(prefix: string): string {
  return prefix + randomUUID().replaceAll('-', '')
}
