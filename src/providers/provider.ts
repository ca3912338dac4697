/** Speech to recognise. */
export interface Audio {
  readonly bytes: Uint8Array
  readonly type: string
  readonly seconds: number | null
}

/** What was heard. */
export interface Transcript {
  readonly text: string
  readonly language: string | null
  readonly provider: string
  readonly model: string
}

/** One entry of what a model is shown, oldest first. */
export type Item =
  | { readonly role: 'user' | 'assistant'; readonly text: string }
  | { readonly role: 'call'; readonly id: string; readonly tool: string; readonly arguments: string }
  | { readonly role: 'result'; readonly id: string; readonly output: string }

/** A tool as a model sees it; `parameters` is a JSON Schema. */
export interface ToolOffer {
  readonly name: string
  readonly description: string
  readonly parameters: Readonly<Record<string, unknown>>
}

/** What a model is asked. No tools offered means: answer in words. */
export interface Request {
  readonly instructions: string
  readonly items: readonly Item[]
  readonly tools: readonly ToolOffer[]
}

/** What a model answered: words, calls, or both. `arguments` is the text as it came, not yet believed. */
export interface Turn {
  readonly text: string
  readonly calls: readonly { readonly id: string; readonly tool: string; readonly arguments: string }[]
  readonly provider: string
  readonly model: string
  readonly tokens: { readonly input: number; readonly output: number }
}

/**
 * A maker of words. Calls are bounded in time by the provider and end early with `signal`. Retries of one call (408, 409, 429,
 * 5xx, with `retry-after`) are the provider's; what it gives up on is thrown: PROVIDER_UNAVAILABLE (retry later),
 * PROVIDER_REFUSED (tell the operator), PROVIDER_CONTENT_REFUSED, SPEECH_UNREADABLE, AUDIO_… (tell the person),
 * PROVIDER_GARBLED (an answer that makes no sense).
 */
export interface Provider {
  transcribe(audio: Audio, signal: AbortSignal): Promise<Transcript>
  respond(request: Request, signal: AbortSignal): Promise<Turn>
}
