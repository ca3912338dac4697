/** What one answer of a server may hold, bytes. */
export const mostBytes = 1_048_576

/**
 * A fetch for one server: with its headers, to its address and to no other, and with answers that end. A redirect is an error.
 * `headers` throws where there are none to send now; `onTooMuch` hears of an answer that was cut off.
 */
export function limitedFetch(headers: () => Readonly<Record<string, string>>, onTooMuch: () => void) {
  return async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const given = new Headers(init.headers)
    // A stream that stays open belongs to no call: changes are seen by asking. One that was cut off may be taken up again.
    if ((init.method ?? 'GET') === 'GET' && !given.has('last-event-id')) return new Response(null, { status: 405 })
    for (const [name, value] of Object.entries(headers())) given.set(name, value)
    const response = await fetch(url, { ...init, headers: given, redirect: 'error' })
    if (response.body === null) return response
    const { status, statusText, headers: answered } = response
    return new Response(response.body.pipeThrough(bounded(onTooMuch)), { status, statusText, headers: answered })
  }
}

function bounded(onTooMuch: () => void): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes <= mostBytes) return controller.enqueue(chunk)
      onTooMuch()
      controller.error(new RangeError('the answer is too large'))
    }
  })
}
