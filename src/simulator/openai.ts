import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Agent, AgentRequest } from './agent-script.ts'
import { answerControl, type Controls } from './control.ts'
import { createFaults, type Fault, misbehave, statusOf } from './faults.ts'
import { answer, answerJson, readBody, serveLoopback } from './loopback.ts'
import { chatAnswer, responsesAnswer } from './openai-answers.ts'
import { type OpenAIError, openaiError } from './openai-errors.ts'
import { readChatRequest, readResponsesRequest } from './openai-requests.ts'
import { readAudio, type Transcripts, transcriptionAnswer, wordsOf } from './openai-transcription.ts'

/** A language model and a speech model that exist on this machine alone. */
export interface OpenAIOptions {
  /** Any free one by default. */
  readonly port?: number
  /** The key to ask for; absent: any or none opens it. */
  readonly apiKey?: string
  readonly transcripts?: Transcripts
  /** What is heard in audio that `transcripts` does not know; absent: such audio is a surprise. */
  readonly defaultTranscript?: string
  readonly agent: Agent
  /** The pause before every answer, ms. */
  readonly delayMs?: number
  /** How many of the latest requests keep their body in the ledger; 200 by default. */
  readonly keepBodies?: number
}

/** A request for words: of audio the body is its name, size, SHA-256 and model. */
export interface ModelRequest {
  readonly kind: ModelCall
  readonly at: number
  body: unknown
  answered: number
}

export type ModelCall = 'transcription' | 'responses' | 'chat'

/** A running stand-in for OpenAI's API. */
export interface OpenAISimulator {
  readonly url: string
  /** What to configure as `OPENAI_BASE_URL`. */
  readonly baseUrl: string
  readonly requests: readonly ModelRequest[]
  readonly calls: Readonly<Record<ModelCall, number>>
  /** What nobody had foreseen: audio without a transcript, what the agent threw. A test ends by finding it empty. */
  readonly surprises: readonly string[]
  /** Queues a misbehaviour: `on` is `turn` (by default) or `transcription`. */
  failNext(fault: Fault): void
  close(): Promise<void>
}

/** Starts the stand-in on 127.0.0.1. The agent is a script: no model of any size runs here. */
export async function startOpenAI(options: OpenAIOptions): Promise<OpenAISimulator> {
  const { apiKey, agent, delayMs = 0, keepBodies = 200 } = options
  const faults = createFaults('turn')
  const requests: ModelRequest[] = []
  const calls: Record<ModelCall, number> = { transcription: 0, responses: 0, chat: 0 }
  const surprises: string[] = []

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '', headers } = request
    if (url.startsWith('/simulator/')) return answerControl(controls, request, response)
    const kind = request.method === 'POST' ? kinds[url] : undefined
    if (kind === undefined) return refuse(response, openaiError(404, `Invalid URL (${request.method} ${url})`))
    const entry = record(kind, response)
    const body = await readBody(request)
    if (delayMs > 0) await wait(delayMs)
    if (apiKey !== undefined && headers.authorization !== `Bearer ${apiKey}`) {
      return refuse(response, openaiError(401, 'Incorrect API key provided.', 'invalid_api_key'))
    }
    const fault = faults.take(kind === 'transcription' ? 'transcription' : 'turn')
    if (fault !== null) return misbehave(response, fault, faultError(fault))
    if (kind === 'transcription') await transcribe(body, headers['content-type'] ?? '', entry, response)
    else await takeTurn(kind, body, entry, response)
  }

  function record(kind: ModelCall, response: ServerResponse): ModelRequest {
    const entry: ModelRequest = { kind, at: Date.now(), body: null, answered: 0 }
    calls[kind]++
    const tooOld = requests[requests.push(entry) - 1 - keepBodies]
    if (tooOld !== undefined) tooOld.body = null
    response.once('close', () => {
      if (response.headersSent) entry.answered = response.statusCode
    })
    return entry
  }

  async function transcribe(body: Buffer, type: string, entry: ModelRequest, response: ServerResponse): Promise<void> {
    const audio = await readAudio(body, type)
    if ('status' in audio) return refuse(response, audio)
    const { bytes, ...rest } = audio
    entry.body = { ...rest, size: bytes.length }
    const text = (await wordsOf(audio, options.transcripts ?? new Map())) ?? options.defaultTranscript
    if (text === undefined) return surprise(response, `No transcript for audio ${audio.sha256}`)
    if (audio.format === 'text') answer(response, 200, 'text/plain; charset=utf-8', `${text}\n`)
    else answerJson(response, 200, transcriptionAnswer(audio, text))
  }

  async function takeTurn(
    kind: 'responses' | 'chat',
    body: Buffer,
    entry: ModelRequest,
    response: ServerResponse
  ): Promise<void> {
    const json = parsed(body)
    entry.body = json
    if (json === null) return refuse(response, openaiError(400, 'We could not parse the JSON body of your request.'))
    const request = kind === 'responses' ? readResponsesRequest(json) : readChatRequest(json)
    if (typeof request === 'string') return refuse(response, openaiError(400, request))
    try {
      const turn = await agent(request)
      answerJson(response, 200, kind === 'responses' ? responsesAnswer(request, turn) : chatAnswer(request, turn))
    } catch (error) {
      surprise(response, error instanceof Error ? error.message : String(error))
    }
  }

  function surprise(response: ServerResponse, sentence: string): void {
    surprises.push(sentence)
    // What the stand-in does not know it will not know a second time: the SDK is told not to retry.
    response.setHeader('x-should-retry', 'false')
    refuse(response, openaiError(500, `The stand-in was surprised. ${sentence}`))
  }

  const controls: Controls = {
    'GET /simulator/ledger': () => ({ calls, surprises, requests }),
    'POST /simulator/fail': ({ body }) => faults.add(JSON.parse(body.toString()))
  }
  const { url, close } = await serveLoopback(handle, options.port)
  return { url, baseUrl: `${url}/v1`, requests, calls, surprises, failNext: faults.add, close }
}

const kinds: Readonly<Record<string, ModelCall>> = {
  '/v1/audio/transcriptions': 'transcription',
  '/v1/responses': 'responses',
  '/v1/chat/completions': 'chat'
}

function refuse(response: ServerResponse, { status, error }: OpenAIError): void {
  answerJson(response, status, { error })
}

function faultError(fault: Fault): object {
  return { error: openaiError(statusOf(fault), 'Made to fail by the stand-in', fault.code ?? null).error }
}

function parsed(body: Buffer): AgentRequest['body'] | null {
  try {
    return JSON.parse(body.toString())
  } catch {
    return null
  }
}
