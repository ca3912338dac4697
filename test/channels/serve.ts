import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface Seen {
  readonly method: string
  readonly url: URL
  readonly authorization: string | undefined
  readonly body: string
}

/** A real HTTP server for one test: it remembers what it was asked and is gone when the test ends. */
export async function serve(t: Test, answer: (response: ServerResponse, seen: Seen) => void) {
  const requests: Seen[] = []
  const server = createServer((request, response) => {
    void remember(request).then(seen => {
      requests.push(seen)
      answer(response, seen)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

async function remember(request: IncomingMessage): Promise<Seen> {
  let body = ''
  for await (const chunk of request) body += chunk
  return {
    method: request.method ?? '',
    url: new URL(request.url ?? '/', 'http://stand-in'),
    authorization: request.headers.authorization,
    body
  }
}
