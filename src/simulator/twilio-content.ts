import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Faults, misbehave } from './faults.ts'
import { answerJson, readBody } from './loopback.ts'
import { type ApiError, apiError } from './twilio-errors.ts'
import { type Button, newSid } from './twilio-messages.ts'

/** What a template came to when it was filled. */
export interface Filled {
  readonly body: string
  readonly buttons: readonly Button[]
}

/** The content templates of an account (https://www.twilio.com/docs/content/content-api-resources): quick replies alone. */
export interface ContentShelf {
  /** Answers `POST /v1/Content`. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Fills the template that a message names, or says why it cannot be sent. */
  fill(form: URLSearchParams): Filled | ApiError
}

type Variables = Readonly<Record<string, string>>
type Template = Filled & { readonly variables: Variables }

/** Makes an empty shelf. With `isOff` the account knows no Content API: every request is answered 404. */
export function createContentShelf(options: {
  accountSid: string
  credentials: ReadonlySet<string>
  faults: Faults
  isOff: boolean
}): ContentShelf {
  const { accountSid, credentials, faults, isOff } = options
  const templates = new Map<string, Template>()

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isOff) return answerJson(response, 404, apiError(404, 20404))
    if (!credentials.has(request.headers.authorization ?? '')) return answerJson(response, 401, apiError(401, 20003))
    if (request.method !== 'POST') return answerJson(response, 405, apiError(405, 20004))
    const fault = faults.take('content')
    if (fault !== null) return misbehave(response, fault, apiError(fault.status ?? 500, Number(fault.code ?? 20500)))
    const asked = parsed((await readBody(request)).toString())
    const template = templateOf(asked)
    if (template === null) return answerJson(response, 400, apiError(400, 20001, 'The content is invalid'))
    const sid = newSid('HX')
    templates.set(sid, template)
    const url = `https://content.twilio.com/v1/Content/${sid}`
    const { friendly_name, language, variables, types } = asked as Record<string, unknown>
    const dates = { date_created: new Date().toISOString(), date_updated: new Date().toISOString() }
    answerJson(response, 201, {
      ...{ sid, account_sid: accountSid, friendly_name, language, variables, types, url, ...dates },
      links: { approval_fetch: `${url}/ApprovalRequests`, approval_create: `${url}/ApprovalRequests/whatsapp` }
    })
  }

  return {
    serve,
    fill(form) {
      const template = templates.get(form.get('ContentSid') ?? '')
      if (template === undefined) return apiError(400, 21655, 'The ContentSid is Invalid')
      const given = form.get('ContentVariables')
      const variables = given === null ? {} : parsed(given)
      if (variables === null) return apiError(400, 21656, 'The ContentVariables Parameter is invalid')
      const fillIn = (text: string) => filled(text, { ...template.variables, ...(variables as Variables) })
      const buttons = template.buttons.map(({ title, id }) => ({ title: fillIn(title), id: fillIn(id) }))
      const body = fillIn(template.body)
      if (body.length > longestBody) return apiError(400, 21658, 'A variable exceeds the length of its field')
      return { body, buttons }
    }
  }
}

const longestBody = 1_024
const longestTitle = 20
const longestId = 200
/** In a conversation that the person began; approved templates may have more. */
const mostButtons = 3

function templateOf(asked: object | null): Template | null {
  const { types, variables = {}, language } = (asked ?? {}) as Record<string, Record<string, unknown>>
  const { body, actions } = Object(types?.['twilio/quick-reply']) as { body?: unknown; actions?: unknown }
  if (typeof language !== 'string' || typeof body !== 'string' || body.length > longestBody) return null
  if (!Array.isArray(actions) || actions.length === 0 || actions.length > mostButtons || !actions.every(isButton)) {
    return null
  }
  return { body, buttons: actions.map(({ title, id }) => ({ title, id })), variables: variables as Variables }
}

function isButton({ title, id }: Partial<Button>): boolean {
  const fits = (text: unknown, longest: number) => typeof text === 'string' && text !== '' && text.length <= longest
  return fits(title, longestTitle) && fits(id, longestId)
}

function filled(text: string, variables: Variables): string {
  return text.replace(/\{\{(\w{1,16})\}\}/g, (whole, name: string) => variables[name] ?? whole)
}

function parsed(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}
