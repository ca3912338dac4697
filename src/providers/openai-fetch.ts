import { Agent } from 'undici'
import { type Answer, exchange, textOf } from '../frames/exchange.ts'
import type { Send } from './openai-client.ts'
import { retryAfterMs } from './retry-after.ts'

interface Options {
  readonly baseUrl: string
  readonly apiKey: string | undefined
  now(): number
}

/**
 * The only door of the OpenAI SDK: requests go to the origin of the base URL and to no other, through no proxy and after no
 * redirect, with the headers named here and no more. Answers are read whole, up to `maxAnswerBytes`. A wait longer than
 * `patienceMs` that the server asks for is not slept through: the work has a queue for that.
 */
export function createExactFetch({ baseUrl, apiKey, now }: Options): Send {
  const { origin } = new URL(baseUrl)
  const agent = new Agent({ connect: { timeout: 10_000 } })
  return async (input, init) => {
    const url = new URL(input)
    if (url.origin !== origin) throw new TypeError('The request leaves the configured server.')
    const { type, body } = encoded(init)
    const headers = {
      accept: 'application/json',
      'content-type': type,
      'user-agent': 'knomly',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` })
    }
    const asked = { origin, path: url.pathname + url.search, method: 'POST', headers, body } as const
    const answer = await exchange(agent, asked, { maxBytes: maxAnswerBytes, signal: init.signal })
    return responseOf(answer, now())
  }
}

/** An answer that was read already, with as much of a Response as the SDK asks for: a real one would stream the text once more. */
function responseOf(answer: Answer, now: number): Response {
  const { status } = answer
  const ok = status >= 200 && status <= 299
  const headers = ok ? labelOfJson : headersOf(answer, now)
  return { status, headers, ok, url: '', body: null, text: async () => textOf(answer) } as unknown as Response
}

/** Compatible servers label their JSON as they like: it is read as JSON or not at all. */
const labelOfJson = new Headers({ 'content-type': 'application/json' })

/** What a refusal says of another try. */
function headersOf(answer: Answer, now: number): Headers {
  const headers = new Headers(labelOfJson)
  for (const name of ['retry-after', 'retry-after-ms', 'x-should-retry']) {
    const value = answer.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  if ((retryAfterMs(headers, now) ?? 0) > patienceMs) headers.set('x-should-retry', 'false')
  return headers
}

/** The SDK hands over JSON as text, and the bytes of a form as they are. */
function encoded({ body, headers }: RequestInit): { type: string; body: string | Uint8Array } {
  if (typeof body === 'string') return { type: 'application/json', body }
  if (!(body instanceof Uint8Array)) throw new TypeError('The request has no body that is known here.')
  return { type: new Headers(headers).get('content-type') ?? 'application/octet-stream', body }
}

const maxAnswerBytes = 8 * 1024 * 1024
const patienceMs = 10_000
