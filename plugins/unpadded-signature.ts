import type { Socket } from 'node:net'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the request under way on a connection carries a header of Twilio's signature with white space around its value. */
    hasPaddedSignature(socket: Socket): boolean
  }
}

const padded = /\nx-twilio-(?:webhooks-)?signature(?:-settings)?:(?! ?\S+\r?\n)[^\n]*\n/i
const longestLine = 512

/**
 * A signature counts exactly as it was sent and is never trimmed (rule R6). Node's parser takes the white space off both ends of a
 * value (RFC 9110, 5.5) before anybody sees it, so the bytes are looked at on their way there.
 */
export const unpaddedSignature = fp(
  async app => {
    const flagged = new WeakSet<Socket>()
    app.decorate('hasPaddedSignature', socket => flagged.has(socket))
    app.server.on('connection', (socket: Socket) => {
      let line = ''
      socket.prependListener('data', (chunk: Buffer) => {
        const text = line + chunk.toString('latin1')
        if (padded.test(text)) flagged.add(socket)
        line = text.slice(Math.max(text.lastIndexOf('\n'), text.length - longestLine))
      })
    })
    // A connection may come from a proxy: what one person sent on it must not speak against the next.
    app.addHook('onResponse', (request, _reply, done) => {
      flagged.delete(request.raw.socket)
      done()
    })
  },
  { name: 'unpadded-signature' }
)
