import { createHash, timingSafeEqual } from 'node:crypto'
import fp from 'fastify-plugin'
import { Failure } from '../src/frames/failure.ts'

/** Guards the scope it is mounted in: only the operator's bearer token (RFC 6750) comes in. Without a configured token there is nothing to find. */
export const operatorLogin = fp<{ token: string | undefined }>(
  async (app, { token }) => {
    const expected = token === undefined ? undefined : digest(token)
    app.addHook('onRequest', async (request, reply) => {
      if (expected === undefined) throw new Failure('NOT_FOUND')
      if (timingSafeEqual(digest(bearer(request.headers.authorization)), expected)) return
      reply.header('www-authenticate', 'Bearer')
      throw new Failure('TOKEN_INVALID')
    })
  },
  { name: 'operator-login' }
)

function bearer(header = ''): string {
  return /^Bearer ([!-~]+)$/i.exec(header)?.[1] ?? ''
}

/** Digests have one length, whatever was sent: the comparison tells nothing about the token. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
