import type OpenAI from 'openai'
import type { Clock } from '../frames/clock.ts'
import { startDeadline } from '../frames/deadline.ts'
import type { Observe } from '../frames/event.ts'
import { Failure } from '../frames/failure.ts'
import type { Use } from './openai-failures.ts'
import { toFailure } from './openai-failures.ts'
import { createExactFetch } from './openai-fetch.ts'

/** One model behind one OpenAI-compatible server; without `apiKey` no credentials are sent. */
export interface OpenAIOptions {
  /** The name under which frames remember it. */
  readonly name: string
  readonly model: string
  readonly baseUrl: string
  readonly apiKey: string | undefined
  /** How long one call may take with all its retries, ms. */
  readonly timeoutMs?: number
  readonly observe: Observe
  readonly clock: Clock
}

type Answer = { readonly tokens: { readonly input: number; readonly output: number } }
type Call = <A extends Answer>(
  send: (client: OpenAI, signal: AbortSignal) => Promise<unknown>,
  read: (body: unknown) => A,
  signal: AbortSignal
) => Promise<A>

/** Makes the one way in which calls are made: bounded in time, ended by the caller's signal, failures sorted, each observed once. */
export function createCaller(use: Use, options: OpenAIOptions & { readonly timeoutMs: number }): Call {
  const { model, observe, clock } = options
  let client: Promise<OpenAI> | undefined
  return async (send, read, signal) => {
    const started = clock.monotonic()
    const deadline = startDeadline(signal, options.timeoutMs)
    const seen = (outcome: string, tokens = { input: 0, output: 0 }) =>
      observe('provider.called', {
        use,
        model: model.slice(0, 100),
        outcome,
        ms: clock.monotonic() - started,
        inputTokens: tokens.input,
        outputTokens: tokens.output
      })
    try {
      signal.throwIfAborted()
      client ??= open(options)
      const answer = read(await send(await client, deadline.signal))
      seen('done', answer.tokens)
      return answer
    } catch (error) {
      if (signal.aborted) {
        seen('aborted')
        throw signal.reason
      }
      const failure = deadline.passed()
        ? new Failure('PROVIDER_UNAVAILABLE', { cause: { code: 'TIMEOUT' } })
        : toFailure(error, use, clock.now())
      seen(failure.code)
      throw failure
    } finally {
      deadline.clear()
    }
  }
}

/** Loaded at the first call: a process that only receives never pays for the SDK's memory. */
async function open({ baseUrl, apiKey, clock }: OpenAIOptions): Promise<OpenAI> {
  const { openClient } = await import('./openai-client.ts')
  return openClient(baseUrl, createExactFetch({ baseUrl, apiKey, now: clock.now }))
}
