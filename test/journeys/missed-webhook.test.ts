import t, { type Test } from 'tap'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import { ours, person, type Stage, setStage, until, voice } from '../stage.ts'

const note = voice('p01-request')
const media = [{ bytes: note.bytes, contentType: 'audio/ogg' }]
const minute = 60_000

/** A server that was started for the first time, and killed. Answers when that was. */
async function startedBefore(t: Test): Promise<{ stage: Stage; firstStart: number }> {
  const stage = await setStage(t, { agent: demoAgent, openai: { defaultTranscript: note.text } })
  const server = await stage.start()
  const firstStart = Date.now()
  await server.kill('SIGKILL')
  return { stage, firstStart }
}

const startAhead = (stage: Stage, ms: number) =>
  stage.start({ AHEAD_MS: String(ms), LOG_LEVEL: 'debug' }, 'test/journeys/ahead-entry.ts')

t.test('a voice note whose webhook never came is answered once, and the late webhook is a duplicate', async t => {
  const { stage, firstStart } = await startedBefore(t)
  const missed = stage.twilio.receive({ from: person, to: ours, media, at: firstStart + 2_000 })
  const tooOld = stage.twilio.receive({ from: person, to: ours, body: 'before', at: firstStart - minute })
  const tooNew = stage.twilio.receive({ from: person, to: ours, body: 'too new', at: firstStart + 10 * minute })
  const server = await startAhead(stage, 10 * minute)
  const { frames } = await stage.ended(missed.sid, ['parked'])
  t.match(frames[0], { kind: 'voice.received', provenance: { integrity: 'user_forwarded' } })
  t.match(
    stage.read(person)[0],
    /^🔐 CONFIRM: .*"Call the plumber.*Not from you/s,
    'a list does not say what was forwarded'
  )
  await stage.caller.text(/\d{6}$/.exec(stage.read(person)[0] ?? '')?.[0] ?? '')
  await stage.ended(missed.sid)
  t.match(stage.read(person)[1], /^I heard: "Remind me to call the plumber tomorrow at nine\."/)
  t.equal(await stage.metric('knomly_reconciled_total', { kind: 'voice.received' }), 1)

  const late = await stage.caller.voiceNote(missed.mediaUrls)
  t.strictSame([late.status, late.messageSid], [200, missed.sid])
  t.equal(await stage.metric('knomly_duplicates_total'), 1)
  await stage.settled()
  t.equal(stage.twilio.messages.length, 2, server.output())
  t.equal(await stage.execution(tooOld.sid), null, 'what is older than the first start is not ours')
  t.equal(await stage.execution(tooNew.sid), null, 'its webhook may still come')
  t.match(server.output(), /"event":"message.reconciled"/)
  t.notMatch(server.output(), /plumber|1555123|api\/2010|alert/)
})

t.test('what was reconciled is not accepted again by the next start', async t => {
  const { stage, firstStart } = await startedBefore(t)
  const { sid } = stage.twilio.receive({ from: person, to: ours, body: 'hello', at: firstStart + 2_000 })
  const server = await startAhead(stage, 10 * minute)
  await stage.ended(sid)
  await server.kill('SIGKILL')
  const lists = () => stage.twilio.requests.filter(({ url }) => url.includes('/Messages.json')).length
  const before = lists()
  await startAhead(stage, 20 * minute)
  await until(() => lists() > before)
  await stage.settled()
  t.equal(stage.twilio.messages.length, 1)
  t.equal(await stage.metric('knomly_reconciled_total'), 0)
})

t.test('a list that fails leaves the server at work', async t => {
  const { stage } = await startedBefore(t)
  stage.twilio.failNext({ on: 'list', status: 503 })
  const server = await startAhead(stage, 10 * minute)
  const { messageSid } = await stage.caller.text('hello')
  await stage.ended(messageSid)
  await until(() => /"event":"reconcile.failed","code":"LIST_UNAVAILABLE","cause":"status-503"/.test(server.output()))
  t.equal(await server.kill('SIGTERM'), 0)
})
