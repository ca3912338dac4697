import fp from 'fastify-plugin'
import { type Webhook, webhookAuthenticator } from '../src/channels/twilio-webhook.ts'
import { createCohorts } from '../src/frames/cohort.ts'
import { Failure } from '../src/frames/failure.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who signed the request and what it says; set before any handler of a webhook runs. */
    twilio: Webhook
  }
}

/** Lets only requests through that Twilio signed for one of our accounts. */
export const twilioSignature = fp(
  async app => {
    const authenticate = webhookAuthenticator(app.system.config.publicUrl, app.system.accounts)
    app.decorateRequest('twilio')
    const cohort = createCohorts()
    app.addHook('preValidation', async request => {
      const { raw, headers, body } = request
      // What comes after it on its connection must not speak for it.
      const isPadded = app.hasPaddedSignature(raw.socket)
      await cohort()
      try {
        // A request without a body or a content type passes no parser.
        if (!Buffer.isBuffer(body)) throw new Failure('TYPE_NOT_SUPPORTED')
        if (isPadded) throw new Failure('SIGNATURE_MALFORMED')
        request.twilio = authenticate({
          target: raw.url ?? '',
          signature: headers['x-twilio-signature'],
          settings: headers['x-twilio-webhooks-signature-settings'],
          body
        })
      } catch (error) {
        // A check that breaks has not passed (rule R5).
        throw error instanceof Failure ? error : new Failure('SIGNATURE_INVALID', { cause: error })
      }
    })
  },
  { name: 'twilio-signature', dependencies: ['system', 'form-body', 'unpadded-signature'] }
)
