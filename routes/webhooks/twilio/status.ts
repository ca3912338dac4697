import type { FastifyInstance } from 'fastify'
import { sendOf } from '../../../src/channels/twilio-webhook.ts'

/** What became of something we sent is noted; a callback that nobody waits for is fine too. */
export async function status(app: FastifyInstance): Promise<void> {
  const { channelOf, inbox } = app.system
  app.post('/status', async (request, reply) => {
    const { account, form } = request.twilio
    await inbox.noteStatus(account.sid, channelOf(account.sid).status(form), sendOf(request.raw.url ?? ''))
    return reply.code(204).send()
  })
}
