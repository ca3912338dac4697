import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request that was received; `answered` is the HTTP status, 0 where there was no answer. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly host: string
  /** Whether it carried any credentials. */
  readonly authorized: boolean
  answered: number
}

/** The latest requests, oldest first. */
export interface RequestLog {
  readonly requests: readonly SeenRequest[]
  record(request: IncomingMessage, response: ServerResponse): SeenRequest
}

/** Makes a log that holds at least the latest `keep` requests and at most twice as many. */
export function createRequestLog(keep: number): RequestLog {
  const requests: SeenRequest[] = []
  return {
    requests,
    record(request, response) {
      const { method = '', url = '', headers } = request
      const authorized = headers.authorization !== undefined
      const seen = { method, url, host: headers.host ?? '', authorized, answered: 0 }
      response.once('close', () => {
        if (response.headersSent) seen.answered = response.statusCode
      })
      requests.push(seen)
      // Cut by half rather than one by one: shifting a long array at every request is slow.
      if (requests.length > keep * 2) requests.splice(0, requests.length - keep)
      return seen
    }
  }
}
