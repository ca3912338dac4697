import t from 'tap'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import { setStage, until, voice } from '../stage.ts'

const note = voice('p01-request')
const heard = { defaultTranscript: note.text }

t.test('a voice note is recognised, acted on and answered, and its frames tell how', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: heard })
  await stage.start()
  const posted = await stage.caller.voiceNote({ bytes: note.bytes })
  t.equal(posted.status, 200)
  t.match(posted.headers, { 'content-type': 'text/xml; charset=utf-8', 'content-length': String(posted.body.length) })
  const { frames } = await stage.ended(posted.messageSid)
  t.strictSame(
    frames.map(frame => frame.kind).filter(kind => !['reply.delivered', 'reply.read'].includes(kind)),
    [
      'voice.received',
      'audio.downloaded',
      'speech.transcribed',
      'tool.requested',
      'tool.started',
      'tool.finished',
      'reply.drafted',
      'reply.started',
      'reply.part-sent',
      'reply.sent'
    ]
  )
  const [answer] = stage.twilio.messages
  t.match(answer?.body, /^I heard: "Remind me to call the plumber tomorrow at nine\."\n\n.*plumber/s)
  await stage.twilio.callbacksPosted()
  await until(async () => (await stage.execution(posted.messageSid))?.frames.at(-1)?.kind === 'reply.read')
  t.strictSame(stage.openai.surprises, [])
})

t.test('credentials go to the API origin alone', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: heard })
  await stage.start()
  const posted = await stage.caller.voiceNote({ bytes: note.bytes })
  await stage.ended(posted.messageSid)
  const media = stage.twilio.mediaRequests.map(request => ({
    path: new URL(request.url, stage.twilio.url).pathname.split('/')[1],
    authorized: request.authorized
  }))
  t.strictSame(media, [
    { path: '2010-04-01', authorized: true },
    { path: 'media', authorized: false }
  ])
})

t.test('the same webhook a hundred times at once is one execution and one reply', async t => {
  const stage = await setStage(t, { agent: demoAgent })
  const server = await stage.start()
  const params = stage.caller.textParams('What is on my list?')
  const answers = await Promise.all(Array.from({ length: 100 }, () => stage.caller.raw(params)))
  t.ok(answers.every(answer => answer.status === 200 && answer.body.includes('<Response/>')))
  await stage.ended(String(params.MessageSid))
  const again = await stage.caller.text('What is on my list?')
  await stage.ended(again.messageSid)
  t.equal(stage.twilio.messages.length, 2, server.output())
})
