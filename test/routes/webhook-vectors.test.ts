import t from 'tap'
import { parsePublicUrl } from '../../src/channels/public-url.ts'
import { type Vector, vectors } from '../vectors/twilio-signatures.ts'
import { account, messagesPath, openWebhooks, requestBytes, sid, statusPath, type Webhooks } from './webhook-server.ts'

t.test('every vector, byte for byte over a socket: what is valid and complete is taken, all else refused and not kept', async t => {
  const servers = new Map<string, Promise<Webhooks>>()
  for (const vector of vectors) {
    const publicUrl = publicUrlOf(vector)
    if (publicUrl === null) {
      t.ok(!vector.valid || vector.layer === 'policy-http', `${vector.name}: the server does not start`)
      continue
    }
    const key = JSON.stringify([publicUrl, vector.authTokens, vector.sharedKeys])
    const server = await servers.getOrInsertComputed(key, () => serverOf(t, vector, publicUrl))
    const before = server.kept.length + server.noted.length
    server.kept.splice(0)
    const answer = await server.send(bytesOf(vector))
    const after = server.kept.length + server.noted.length
    if (isComplete(vector)) {
      t.match(answer, vector.target.startsWith(statusPath) ? { status: 204, body: '' } : { status: 200, body: /<Response\/>$/ }, vector.name)
      t.ok(after > 0, `${vector.name} is kept`)
    } else {
      t.ok(answer.status >= 400 && answer.status < 500 && answer.body === '', `${vector.name}: ${answer.status}`)
      t.equal(after, before - (before - server.noted.length), `${vector.name} is not kept`)
    }
  }
})
