import type { FastifyInstance } from 'fastify'
import { emptyResponse } from '../../../src/channels/twiml.ts'

/** A message arrives: kept before it is answered, and answered with nothing to do. */
export async function messages(app: FastifyInstance): Promise<void> {
  const { channelOf, inbox } = app.system
  app.post('/messages', async (request, reply) => {
    const { account, form } = request.twilio
    const received = channelOf(account.sid).receive(form)
    await inbox.accept(account.sid, received, app.limits.sender(request, account.sid))
    return reply.type('text/xml; charset=utf-8').send(emptyResponse)
  })
}
