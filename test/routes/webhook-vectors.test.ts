import t from 'tap'
import { parsePublicUrl } from '../../src/channels/public-url.ts'
import { type Vector, vectors } from '../vectors/twilio-signatures.ts'
import { account, messagesPath, openWebhooks, requestBytes, sid, statusPath } from './webhook-server.ts'

t.test(
  'over a socket, byte for byte: a vector that is valid and complete is taken, all else refused and not kept',
  async t => {
    const groups = Map.groupBy(vectors, ({ origin, authTokens, sharedKeys }) =>
      JSON.stringify([origin, authTokens, sharedKeys])
    )
    for (const [first, ...rest] of groups.values()) {
      if (first === undefined) continue
      const publicUrl = publicUrlOf(first)
      const server = publicUrl === null ? null : await serverOf(t, first, publicUrl)
      for (const vector of [first, ...rest]) {
        if (server === null) {
          t.notOk(isComplete(vector), `${vector.name}: no server starts with ${vector.origin}`)
          continue
        }
        const answer = await server.send(bytesOf(vector))
        const taken = [...server.kept.splice(0), ...server.noted.splice(0)].length
        const { status, body } = answer
        if (!isComplete(vector)) {
          t.ok(status >= 400 && status < 500 && taken === 0, `${vector.name}: ${status}`)
        } else if (vector.target.startsWith(statusPath))
          t.ok(status === 204 && taken === 1, `${vector.name}: ${status}`)
        else t.ok(status === 200 && body.endsWith('<Response/>') && taken === 1, `${vector.name}: ${status}`)
      }
    }
  }
)

function publicUrlOf({ origin }: Vector): string | null {
  try {
    return parsePublicUrl(origin)
  } catch {
    return null
  }
}

function serverOf(t: Parameters<typeof openWebhooks>[0], { authTokens, sharedKeys }: Vector, publicUrl: string) {
  const keys = { authTokens, sharedKeys: new Map(Object.entries(sharedKeys)) }
  return openWebhooks(t, { config: { publicUrl }, accounts: new Map([[sid, { ...account, ...keys }]]) })
}

function bytesOf({ method, target, contentType, signature, headers, body }: Vector): Buffer {
  const host = headers.host ?? 'voice.example.com'
  const { host: _, ...others } = headers
  return requestBytes({
    method,
    target,
    headers: { Host: host, 'Content-Type': contentType || null, 'X-Twilio-Signature': signature, ...others },
    body
  })
}

/** Whether a vector is a message or a status of the account that the server must take. */
function isComplete({ valid, method, target, body, origin }: Vector): boolean {
  const [path] = target.split('?')
  const form = new URLSearchParams(body.toString())
  const needed = path === messagesPath ? ['MessageSid', 'From', 'To', 'Body'] : ['MessageSid', 'MessageStatus']
  return (
    valid &&
    method === 'POST' &&
    origin.startsWith('https:') &&
    (path === messagesPath || path === statusPath) &&
    form.get('AccountSid') === sid &&
    needed.every(key => form.has(key))
  )
}
