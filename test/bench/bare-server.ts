// The peer of the acknowledgement: Fastify, a parser and Twilio's signature, and nothing else. It keeps nothing and logs nothing.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { parse } from 'node:querystring'
import Fastify from 'fastify'
import { authToken } from '../stage.ts'
import { takeOrders } from './child.ts'
import { messagesPath } from './messages.ts'

const answer = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
let publicUrl = ''

const app = Fastify()
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, parse(body as string))
)
app.post<{ Body: Record<string, string> }>(messagesPath, async (request, reply) => {
  const signed = isSigned(request.headers['x-twilio-signature'], publicUrl + request.url, request.body)
  if (!signed) return reply.code(403).send()
  return reply.type('text/xml; charset=utf-8').send(answer)
})

function isSigned(claimed: unknown, url: string, form: Record<string, string>): boolean {
  let text = url
  for (const key of Object.keys(form).sort()) text += key + form[key]
  const expected = Buffer.from(createHmac('sha1', authToken).update(text).digest('base64'))
  const given = Buffer.from(String(claimed))
  return given.length === expected.length && timingSafeEqual(given, expected)
}

takeOrders({
  async listen() {
    publicUrl = await app.listen({ host: '127.0.0.1', port: 0 })
    return publicUrl
  }
})
