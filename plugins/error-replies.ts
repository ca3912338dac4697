import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { webhookPaths } from '../src/channels/twilio-webhook.ts'
import { Failure, type FailureCode, failureRow } from '../src/frames/failure.ts'

/** Answers errors in JSON: below 500 with the sentence of the failure, above it with a fixed one, never with a stack. */
export const errorReplies = fp(
  async app => {
    app.setNotFoundHandler((_request, reply) => answerJson(reply, 404, 'NOT_FOUND'))
    app.setErrorHandler(async (error, request, reply) => {
      tellCause(error, request)
      if (error instanceof Failure) {
        const wait = error.code === 'TOKEN_INVALID' ? await app.limits.login(request) : 0
        if (wait > 0) return answerJson(reply.header('retry-after', wait), 429, 'RATE_LIMITED')
        return answerJson(withRetryAfter(reply, error), failureRow(error.code).status, error.code)
      }
      const status = statusOf(error)
      return status < 500 ? answerJson(reply, status, 'QUERY_INVALID') : answerJson(reply, 500, 'INTERNAL')
    })
  },
  { name: 'error-replies', dependencies: ['system', 'rate-limit'] }
)

/**
 * Answers errors in the scope of the webhooks: statuses of rule R8 with empty bodies, each observed by its reason. Refusals are counted
 * by address, and an address with too many gets 429, unless the request was signed: Twilio does not try a 429 again (rule R11).
 */
export const webhookReplies = fp(
  async app => {
    const { observe } = app.system
    app.addHook('onRequest', (request, _reply, done) => {
      if (!request.is404) return done()
      done(new Failure(paths.has(pathOf(request)) ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND'))
    })
    app.setNotFoundHandler((_request, reply) => reply.code(404).send())
    app.setErrorHandler(async (error, request, reply) => {
      tellCause(error, request)
      const code = error instanceof Failure ? error.code : reasonOf.get(statusOf(error))
      if (code === undefined) return reply.code(500).send()
      observe('webhook.refused', { route: routeOf(request), reason: code })
      const { status } = failureRow(code)
      const wait = status < 500 && !signedReasons.has(code) ? await app.limits.refusal(request) : 0
      if (wait > 0) return reply.code(429).header('retry-after', wait).send()
      if (status === 405) reply.header('allow', 'POST')
      return (error instanceof Failure ? withRetryAfter(reply, error) : reply).code(status).send()
    })
  },
  { name: 'webhook-replies', dependencies: ['system', 'rate-limit'] }
)

/** Answers, with empty bodies, what Node and Fastify refuse before any route is found. Options for the Fastify constructor. */
export const earlyReplies = {
  clientErrorHandler: (error: ConnectionError, socket: Socket): void => {
    // Told again of each further piece that comes.
    if (socket.writableEnded) return
    if (!socket.writable) return void socket.destroy()
    const status = brokenRequests[error.code] ?? 400
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    // Closed with bytes of theirs unread, the connection would be reset, and the answer with it.
    const close = setTimeout(() => socket.destroy(), lingerMs)
    socket.once('close', () => clearTimeout(close))
  },
  frameworkErrors: (error: unknown, _request: FastifyRequest, reply: FastifyReply): void => {
    reply.code(statusOf(error)).send()
  }
}

const brokenRequests: Record<string, number> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }
const paths: ReadonlySet<string> = new Set(Object.values(webhookPaths))
const retryAfterMs = 5_000
const lingerMs = 1_000

/** What Fastify itself refuses a webhook for, by status. */
const reasonOf: ReadonlyMap<number, FailureCode> = new Map([
  [400, 'FORM_UNDECODABLE'],
  [413, 'BODY_TOO_LARGE'],
  [415, 'TYPE_NOT_SUPPORTED']
])

/** Reasons that are found only behind a valid signature. */
const signedReasons: ReadonlySet<FailureCode> = new Set([
  'FORM_KEY_REFUSED',
  'FORM_REPEATED_KEY',
  'FORM_INCOMPLETE',
  'SENDER_UNKNOWN'
])

function answerJson(reply: FastifyReply, status: number, code: FailureCode | 'INTERNAL'): FastifyReply {
  const message =
    status < 500 && code !== 'INTERNAL' ? failureRow(code).sentence : 'Something went wrong here: try again later.'
  return reply.code(status).send({ error: { code, message } })
}

function withRetryAfter(reply: FastifyReply, failure: Failure): FastifyReply {
  if (failureRow(failure.code).status !== 503) return reply
  return reply.header('retry-after', Math.ceil((failure.retryAfterMs ?? retryAfterMs) / 1_000))
}

/** What is no failure of the table, or has a cause, is a fault of ours: its class is told, its text may hold anything and is not. */
function tellCause(error: unknown, request: FastifyRequest): void {
  const fault = error instanceof Failure ? error.cause : statusOf(error) < 500 ? undefined : error
  if (fault === undefined) return
  const cause = fault instanceof Error ? fault.constructor.name : typeof fault
  request.server.system.observe('request.failed', { route: routeOf(request), cause })
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 ? status : 500
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? (paths.has(pathOf(request)) ? pathOf(request) : 'none')
}

function pathOf(request: FastifyRequest): string {
  return (request.raw.url ?? '').replace(/\?.*$/s, '')
}
