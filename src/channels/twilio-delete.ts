import type { MessageListInstance } from 'twilio/lib/rest/api/v2010/account/message.js'
import { Failure } from '../frames/failure.ts'
import { type ReducedError, reduceError } from './twilio-errors.ts'

/** Deletes one attachment of a message (media-resource guide, rule R21). One that is gone already is deleted. Throws MEDIA_NOT_DELETED, reduced. */
export async function deleteMedia(messages: MessageListInstance, message: string, media: string): Promise<void> {
  try {
    await messages(message).media(media).remove()
  } catch (error) {
    const cause = (error instanceof Failure ? error.cause : reduceError(error)) as ReducedError
    if (cause.status === 404 || cause.status === 410) return
    throw new Failure('MEDIA_NOT_DELETED', { cause })
  }
}
