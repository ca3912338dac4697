import type { IncomingMessage, ServerResponse } from 'node:http'
import { answer, answerJson, readBody } from './loopback.ts'
import { standInBanner } from './stand-in-banner.ts'

/** A request to the stand-in itself rather than to the API that it stands in for. */
export interface ControlRequest {
  readonly query: URLSearchParams
  readonly body: Buffer
  readonly contentType: string
}

/** What a stand-in lets a script do over HTTP, by method and path: the result is answered as JSON. */
export type Controls = Readonly<Record<string, (request: ControlRequest) => unknown>>

/** Serves `/simulator/…`, so that a stand-in in another process can be read and made to fail. */
export async function answerControl(
  controls: Controls,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stand-in')
  if (pathname === '/simulator/banner') return answer(response, 200, 'text/plain; charset=utf-8', `${standInBanner}\n`)
  const control = controls[`${request.method} ${pathname}`]
  if (control === undefined) return answerJson(response, 404, { routes: Object.keys(controls) })
  const body = await readBody(request)
  const contentType = request.headers['content-type'] ?? ''
  answerJson(response, 200, control({ query: searchParams, body, contentType }) ?? {})
}
