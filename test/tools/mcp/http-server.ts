import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Behaviour, replyTo } from './answering.ts'

/** A server of the tests over HTTP, with the headers of every request it got. */
export interface HttpServer {
  readonly url: string
  readonly heads: IncomingHttpHeaders[]
  readonly behaviour: Behaviour
  /** A status and headers to answer everything with from now on, or null. */
  refusing: { status: number; headers?: Record<string, string> } | null
  close(): Promise<void>
}

/** Starts a server that speaks the revisions before 2026. */
export async function startHttpServer(behaviour: Behaviour): Promise<HttpServer> {
  const heads: IncomingHttpHeaders[] = []
  const server = createServer(async (request, response) => {
    heads.push(request.headers)
    if (started.refusing !== null) {
      response.writeHead(started.refusing.status, started.refusing.headers).end()
      return
    }
    const message = JSON.parse((await bodyOf(request)) || '{}')
    answer(response, replyTo(message, behaviour))
  })
  const url = await listening(server)
  const started: HttpServer = {
    ...{ url, heads, behaviour, refusing: null },
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
  return started
}

function answer(response: ServerResponse, reply: ReturnType<typeof replyTo>): void {
  if (reply === 'hang') return
  if (reply === 'die') return void response.destroy()
  if (reply === null || reply === 'ask-back') return void response.writeHead(202).end()
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(
    reply === 'huge'
      ? JSON.stringify({ x: 'x'.repeat(3_000_000) })
      : reply === 'garbage'
        ? '{"no'
        : JSON.stringify(reply)
  )
}

/** Serves a handler of fetch requests, as the official library makes them. */
export async function serveFetch(
  handler: (request: Request) => Promise<Response>
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as [string, string])
    const method = request.method ?? 'GET'
    const answered = await handler(
      new Request(`http://${request.headers.host}${request.url}`, { method, headers, ...(body === '' ? {} : { body }) })
    )
    response.writeHead(answered.status, Object.fromEntries(answered.headers))
    response.end(Buffer.from(await answered.arrayBuffer()))
  })
  const url = await listening(server)
  return {
    url,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
}

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += chunk
  return body
}
