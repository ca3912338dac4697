import type OpenAI from 'openai'
import { z } from 'zod'
import { Failure } from '../frames/failure.ts'
import { multipart } from './multipart.ts'
import type { OpenAIOptions } from './openai-call.ts'
import { createCaller } from './openai-call.ts'
import { chatRequest, readChat } from './openai-chat.ts'
import { readResponse, responsesRequest } from './openai-responses.ts'
import { cut, maxTextLength } from './openai-turn.ts'
import type { Provider } from './provider.ts'

/** Which of OpenAI's two interfaces a server speaks: the Responses API, or the older Chat Completions that nearly all speak. */
export type AgentApi = 'responses' | 'chat'

/** Recognition by an OpenAI-compatible `/audio/transcriptions`, bounded to `timeoutMs` (2 minutes) with all its retries. */
export function createTranscriber(options: OpenAIOptions): Pick<Provider, 'transcribe'> {
  const call = createCaller('transcribe', { timeoutMs: 120_000, ...options })
  return {
    async transcribe(audio, signal) {
      const { type, body } = speechForm(audio.bytes, audio.type, options.model)
      const send = (client: OpenAI, until: AbortSignal) =>
        client.post<unknown>('/audio/transcriptions', { body, headers: { 'content-type': type }, signal: until })
      const { text } = await call(send, readTranscription, signal)
      return { text, language: null, provider: options.name, model: options.model }
    }
  }
}

/** A model with tools behind an OpenAI-compatible server, bounded to `timeoutMs` (1 minute) with all its retries. */
export function createResponder(options: OpenAIOptions & { readonly api: AgentApi }): Pick<Provider, 'respond'> {
  const call = createCaller('respond', { timeoutMs: 60_000, ...options })
  const [path, write, read] =
    options.api === 'chat'
      ? (['/chat/completions', chatRequest, readChat] as const)
      : (['/responses', responsesRequest, readResponse] as const)
  return {
    async respond(request, signal) {
      const body = write(request, options.model)
      const send = (client: OpenAI, until: AbortSignal) => client.post<unknown>(path, { body, signal: until })
      const answer = await call(send, answered => read(answered, request.items), signal)
      return { ...answer, provider: options.name, model: options.model }
    }
  }
}

/** The server takes the format from the name of the file, not from its type. The SDK would stream the form through three layers of its own. */
function speechForm(bytes: Uint8Array, type: string, model: string): ReturnType<typeof multipart> {
  const mime = type.split(';')[0]?.trim().toLowerCase() ?? ''
  const extension = extensions.get(mime)
  if (extension === undefined) throw new Failure('AUDIO_TYPE_UNSUPPORTED')
  const file = { name: 'file', filename: `voice.${extension}`, type: mime, bytes }
  return multipart({ model, response_format: 'json' }, file)
}

/** The formats that OpenAI's "Create transcription" page lists, by the types that file-type and Twilio give them. */
const extensions: ReadonlyMap<string, string> = new Map([
  ['audio/ogg', 'ogg'],
  ['application/ogg', 'ogg'],
  ['audio/opus', 'ogg'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
  ['audio/mp4', 'm4a'],
  ['audio/x-m4a', 'm4a'],
  ['video/mp4', 'mp4'],
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/vnd.wave', 'wav'],
  ['audio/webm', 'webm'],
  ['video/webm', 'webm'],
  ['audio/flac', 'flac'],
  ['audio/x-flac', 'flac']
])

function readTranscription(body: unknown) {
  const answer = transcription.safeParse(body)
  if (!answer.success) throw new Failure('PROVIDER_GARBLED')
  const { text, usage } = answer.data
  return { text: cut(text, maxTextLength), tokens: { input: usage.input_tokens, output: usage.output_tokens } }
}

const count = z.int().min(0).catch(0)
const transcription = z.object({
  text: z.string(),
  usage: z.object({ input_tokens: count, output_tokens: count }).catch({ input_tokens: 0, output_tokens: 0 })
})
