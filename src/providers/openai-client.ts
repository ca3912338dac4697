import { OpenAI } from 'openai'

/** What sends a request of the SDK. */
export type Send = (url: string, init: RequestInit) => Promise<Response>

type Options = Parameters<OpenAI['buildRequest']>[0]
const noHeaders = new Headers()

/**
 * The SDK with two of its methods replaced, as it allows: by itself it puts a dozen headers together for each request, of which ours
 * sends none, and starts a timer, although whoever calls has one. What it knows of answers and of trying again stays.
 */
class LeanOpenAI extends OpenAI {
  readonly #send: Send

  constructor(options: ConstructorParameters<typeof OpenAI>[0], send: Send) {
    super(options)
    this.#send = send
  }

  override async buildRequest({ method, path, body, headers, signal }: Options): ReturnType<OpenAI['buildRequest']> {
    const req = {
      method,
      body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
      headers: headers === undefined ? noHeaders : new Headers(headers as Record<string, string>),
      signal: signal ?? null
    }
    return { url: this.buildURL(path, null), timeout: this.timeout, req }
  }

  override fetchWithTimeout(url: unknown, init: RequestInit = {}): Promise<Response> {
    return this.#send(String(url), init)
  }
}

/** Opens a client that tries a request thrice. Whatever is left out here the SDK would take from OPENAI_… variables; the key itself is known to `send` alone. */
export function openClient(baseURL: string, send: Send): OpenAI {
  const nothing = { adminAPIKey: null, organization: null, project: null, webhookSecret: null }
  return new LeanOpenAI({ baseURL, maxRetries: 2, logLevel: 'off', apiKey: 'in-the-fetch', ...nothing }, send)
}
