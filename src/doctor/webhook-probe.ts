import { randomBytes } from 'node:crypto'
import { webhookPaths } from '../channels/twilio-webhook.ts'
import type { Config } from '../config.ts'
import { newSid } from '../simulator/twilio-messages.ts'
import { encodeForm, signTwilio } from '../simulator/twilio-signer.ts'

/** What came back to a webhook: an answer, or the code of why there was none. */
export type Probed = { readonly status: number; readonly location: string | null; readonly hasBody: boolean } | string

/** The answers to a status callback that Twilio could have sent, and to one that somebody else signed. */
export interface Probe {
  readonly genuine: Probed
  readonly forged: Probed
}

/**
 * Posts a status callback about a message that does not exist to `origin`, signed for `PUBLIC_URL`: a server that takes it answers
 * 204 and changes nothing. Then the same with a signature of nobody, which a server must refuse.
 */
export async function probeWebhook(config: Config, origin: string): Promise<Probe> {
  const { sid, authTokens } = config.account
  const url = config.publicUrl + webhookPaths.status
  const message = newSid('SM')
  const params = { MessageSid: message, SmsSid: message, MessageStatus: 'sent', AccountSid: sid }
  const post = (token: string) => postForm(origin + webhookPaths.status, params, signTwilio(token, url, params))
  const genuine = await post(authTokens[0] ?? '')
  return { genuine, forged: typeof genuine === 'string' ? genuine : await post(randomBytes(16).toString('hex')) }
}

/** The code of the error that kept a request from being answered, such as ECONNREFUSED; TIMEOUT and FAILED stand in where there is none. */
export function codeOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'TIMEOUT'
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const codes = [cause, ...(cause instanceof AggregateError ? cause.errors : [])]
  const coded = codes.find((each): each is { code: string } => typeof each?.code === 'string')
  return coded?.code ?? 'FAILED'
}

const answerWithinMs = 10_000

async function postForm(url: string, params: Record<string, string>, signature: string): Promise<Probed> {
  try {
    const { status, headers, body } = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
        'user-agent': 'knomly-doctor',
        'x-twilio-signature': signature
      },
      body: encodeForm(params),
      signal: AbortSignal.timeout(answerWithinMs)
    })
    const hasBody = ((await body?.getReader().read())?.value?.length ?? 0) > 0
    return { status, location: headers.get('location'), hasBody }
  } catch (error) {
    return codeOf(error)
  }
}
