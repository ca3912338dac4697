import type { Client, RequestOpts } from 'twilio/lib/base/BaseTwilio.js'
import domain from 'twilio/lib/base/Domain.js'
import version from 'twilio/lib/base/Version.js'
import { MessageListInstance } from 'twilio/lib/rest/api/v2010/account/message.js'
import { Agent } from 'undici'
import type { Clock } from '../frames/clock.ts'
import { exchange, textOf } from '../frames/exchange.ts'
import { Failure } from '../frames/failure.ts'
import { readRetryAfter } from './retry-after.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { reduceError, sendFailure, unknownSend } from './twilio-errors.ts'

const maxBytes = 4 * 1024 * 1024

type Api = Parameters<typeof MessageListInstance>[0]

/** Opens the SDK's Messages resource for calls that end with `signal`. */
export type OpenMessages = (signal: AbortSignal) => MessageListInstance

/**
 * The twilio SDK's Messages resource over a request client of ours (rule R26): it calls the origin of `apiUrl` and nothing else,
 * follows no redirect and no proxy, ignores TWILIO_EDGE and TWILIO_REGION, and throws the SEND_… failures, which hold a status
 * and a code. The SDK's own client is left out: it loads axios (28 MB resident) and keeps the last request with its key.
 */
export function createTwilioClient(options: { account: TwilioAccount; apiUrl: string; clock: Clock }): OpenMessages {
  const { account, apiUrl, clock } = options
  const { user, password } = account.rest
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const dispatcher = new Agent({ connect: { timeout: 5_000 } })

  async function call(call: RequestOpts, signal: AbortSignal): Promise<{ statusCode: number; body: string }> {
    const asked = {
      ...targetOf(call, apiUrl),
      method: methods[call.method ?? 'get'] ?? ('GET' as const),
      headers: { ...call.headers, authorization },
      body: call.data === undefined ? null : encode(call.data)
    }
    const answer = await exchange(dispatcher, asked, { maxBytes, signal })
    const { status: statusCode, headers } = answer
    const body = textOf(answer)
    if (statusCode >= 200 && statusCode < 300) return { statusCode, body }
    throw sendFailure(statusCode, readCode(body), readRetryAfter(headers['retry-after'], clock.now()))
  }

  return signal => {
    const client: Partial<Client> = {
      request: options =>
        call(options, signal).catch(error => {
          throw error instanceof Failure ? error : unknownSend(reduceError(error))
        })
    }
    // The generated resource asks its version for `create`, `page` and `remove` only, which every version has.
    const api = new version.default(new domain.default(client as Client, apiUrl), '2010-04-01') as Api
    return MessageListInstance(api, account.sid)
  }
}

const methods: Readonly<Record<string, 'POST' | 'DELETE'>> = { post: 'POST', delete: 'DELETE' }

/** Where a call goes: a `next_page_uri` that names another host must not take the key there. */
function targetOf({ uri = '', params }: RequestOpts, apiUrl: string): { origin: string; path: string } {
  const url = new URL(uri, apiUrl)
  for (const [key, value] of Object.entries(params ?? {})) url.searchParams.set(key, String(value))
  return { origin: apiUrl, path: url.pathname + url.search }
}

function encode(data: object): string {
  return new URLSearchParams(
    Object.entries(data).map(([key, value]): [string, string] => [key, String(value)])
  ).toString()
}

/** The `code` of Twilio's error document, which proxies in between do not write. */
function readCode(body: string): number | null {
  try {
    const { code } = JSON.parse(body) as { code?: unknown }
    return typeof code === 'number' ? code : null
  } catch {
    return null
  }
}
