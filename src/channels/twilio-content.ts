import { Agent } from 'undici'
import { exchange, textOf } from '../frames/exchange.ts'
import { Failure } from '../frames/failure.ts'
import { payloadOf, tokenVariables } from './button-payload.ts'
import type { ButtonLabels } from './channel.ts'
import type { TwilioAccount } from './twilio-account.ts'
import { reduceError, sendFailure, unknownSend } from './twilio-errors.ts'

const contentSid = /^HX[0-9a-fA-F]{32}$/
const type = 'twilio/quick-reply'
const maxBytes = 64 * 1024

/** The longest text over buttons, in UTF-16 units (docs/content/twilio-quick-reply). */
export const maxOverButtons = 1_024

/**
 * Makes templates with two buttons at Twilio's Content API, and answers their SIDs. `apiUrl` is that of the REST API: the Content
 * API has a host of its own, except at a stand-in. Throws the SEND_… failures, reduced.
 */
export function createTemplates(options: { account: TwilioAccount; apiUrl: string }) {
  const { user, password } = options.account.rest
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const dispatcher = new Agent({ connect: { timeout: 5_000 } })
  const origin = contentOrigin(options.apiUrl)

  return async (labels: ButtonLabels, signal: AbortSignal): Promise<string> => {
    try {
      const headers = { 'content-type': 'application/json', authorization }
      const body = JSON.stringify(template(labels))
      const asked = { origin, path: '/v1/Content', method: 'POST', headers, body } as const
      const answer = await exchange(dispatcher, asked, { maxBytes, signal })
      if (answer.status < 200 || answer.status > 299) throw sendFailure(answer.status, null, undefined)
      return readSid(textOf(answer))
    } catch (error) {
      throw error instanceof Failure ? error : unknownSend(reduceError(error))
    }
  }
}

/** `api[.edge][.region].twilio.com` has its Content API at one host; whatever else is configured has it at the same origin. */
function contentOrigin(apiUrl: string): string {
  return /\.twilio\.com$/.test(new URL(apiUrl).hostname) ? 'https://content.twilio.com' : apiUrl
}

function template({ language, approve, refuse }: ButtonLabels): object {
  const titles = { approve, refuse }
  const actions = (['approve', 'refuse'] as const).map(decision => {
    return { type: 'QUICK_REPLY', title: titles[decision], id: payloadOf(decision, tokenVariables[decision]) }
  })
  return {
    friendly_name: `knomly_question_${language}`,
    language,
    // Stand for what a message does not say: they fit no question.
    variables: { 1: 'Question', 2: 'none', 3: 'none' },
    types: { [type]: { body: '{{1}}', actions } }
  }
}

function readSid(text: string): string {
  const { sid } = parsed(text) as { sid?: unknown }
  if (typeof sid === 'string' && contentSid.test(sid)) return sid
  throw unknownSend({ status: null, code: 'GARBLED' })
}

function parsed(text: string): object {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
