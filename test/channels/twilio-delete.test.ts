import t, { type Test } from 'tap'
import { createTwilioMessaging } from '../../src/channels/twilio-messaging.ts'
import { account, basic, media, message, sid } from './account.ts'
import { serve } from './serve.ts'

const patient = new AbortController().signal

async function open(t: Test, status: number) {
  const { url, requests } = await serve(t, response => response.writeHead(status).end())
  const clock = { now: () => 0, monotonic: () => 0 }
  const publicUrl = 'https://voice.example.com'
  const channel = createTwilioMessaging({
    account,
    apiUrl: url,
    publicUrl,
    maxAudioSeconds: 1,
    clock,
    observe: () => {}
  })
  return { requests, deleteAudio: () => channel.deleteAudio({ message, media }, patient) }
}

t.test('an attachment is deleted by its ids, with our key, and one that is gone is deleted', async t => {
  for (const status of [204, 404, 410]) {
    const { requests, deleteAudio } = await open(t, status)
    await deleteAudio()
    t.equal(requests.length, 1)
    const pathname = `/2010-04-01/Accounts/${sid}/Messages/${message}/Media/${media}.json`
    t.match(requests[0], { method: 'DELETE', url: { pathname }, authorization: basic })
  }
})

t.test('any other answer is a failure that says a status and nothing else', async t => {
  for (const status of [302, 401, 403, 429, 500, 503]) {
    const { deleteAudio } = await open(t, status)
    await t.rejects(deleteAudio(), { code: 'MEDIA_NOT_DELETED', cause: { status, code: null } })
  }
})
