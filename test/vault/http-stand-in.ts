import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A request as the other side saw it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What it is answered with; `hang` never answers. */
export type Answer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body: string }
  | 'hang'

/** A server of another party on this machine, which keeps what it was asked. */
export async function standIn(t: Test, answer: (seen: Seen) => Answer): Promise<{ origin: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const hanging = new Set<ServerResponse>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
    seen.push(one)
    const told = answer(one)
    if (told === 'hang') hanging.add(response)
    else response.writeHead(told.status, told.headers).end(told.body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const response of hanging) response.destroy()
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}
