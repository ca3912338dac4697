import fp from 'fastify-plugin'
import { isFormType } from '../src/channels/form.ts'
import { Failure } from '../src/frames/failure.ts'

const formBytes = 64 * 1024

/** Takes forms and nothing else: the body is the raw bytes, because the signature is over what was sent. */
export const formBody = fp(
  async app => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'buffer', bodyLimit: formBytes },
      (request, body, done) =>
        isFormType(request.headers['content-type']) ? done(null, body) : done(new Failure('TYPE_NOT_SUPPORTED'))
    )
  },
  { name: 'form-body' }
)
