import { once } from 'node:events'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { inspectAudio } from '../../src/channels/inspect-audio.ts'
import { createDownload } from '../../src/channels/twilio-media.ts'
import type { Caller, Posted } from '../../src/simulator/caller.ts'
import { createCaller } from '../../src/simulator/caller.ts'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import type { MediaMode } from '../../src/simulator/twilio-media.ts'
import { newSid } from '../../src/simulator/twilio-messages.ts'
import { amrSecond, opusSilence } from '../channels/voices.ts'
import { accountSid, authToken, ours, type Shown, type Stage, setStage, voice } from '../stage.ts'
import { startMovable } from './movable-time.ts'

const note = voice('p01-request')
const [second, third] = [voice('s16-request'), voice('h05-austen-880')]
const silence = opusSilence(20, 12)
const sms = '+14155238887'
const image = { bytes: Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'), contentType: 'image/jpeg' }
const answered = /^I heard: "Remind me to call the plumber tomorrow at nine\."\n\n.*plumber/s

/** One message of one person: how it is sent, what the person reads in the end, and how the execution stands then. */
interface Case {
  readonly send: (caller: Caller, stage: Stage) => Promise<Posted>
  readonly reads: string | RegExp
  /** The code of the failure, where there is one. */
  readonly fails?: string
  readonly check?: (t: Test, shown: Shown) => void
}

const cases: Readonly<Record<string, Case>> = {
  'an empty file': {
    send: speak(Buffer.alloc(0)),
    reads: 'Your voice note arrived empty. Please record it again.',
    fails: 'AUDIO_EMPTY'
  },
  'an Ogg file that was cut off': {
    send: speak(note.bytes.subarray(0, note.bytes.length * 0.6)),
    reads: 'Your voice note is damaged or was cut off on its way. Please record it again.',
    fails: 'AUDIO_DAMAGED'
  },
  'a web page that is called .ogg': {
    send: speak(Buffer.from('<!DOCTYPE html><html><body>404</body></html>')),
    reads: 'What arrived is not an audio file. Please record a voice note in WhatsApp, or type your message.',
    fails: 'AUDIO_NOT_AUDIO'
  },
  'an hour of silence in 930 KB': {
    send: speak(opusSilence(3_600, 14)),
    reads: 'Your voice note is longer than I can listen to. Please send a shorter one.',
    fails: 'AUDIO_TOO_LONG'
  },
  '17 MB without an announced length': {
    send: speak(note.bytes, { kind: 'oversized' }),
    reads: 'Your voice note is larger than 16 MB. Please send a shorter one.',
    fails: 'AUDIO_TOO_LARGE'
  },
  'an AMR recording': {
    send: caller => caller.voiceNote({ bytes: amrSecond(), contentType: 'audio/amr' }),
    reads: 'I cannot decode this kind of audio. Voice notes (Ogg Opus), MP3, M4A, WAV and WebM work.',
    fails: 'AUDIO_TYPE_UNSUPPORTED'
  },
  'a 3GP recording': {
    send: caller => caller.voiceNote({ bytes: threeGp(), contentType: 'video/3gpp' }),
    reads: 'I cannot decode this kind of audio. Voice notes (Ogg Opus), MP3, M4A, WAV and WebM work.',
    fails: 'AUDIO_TYPE_UNSUPPORTED'
  },
  'an image and nothing else': {
    send: caller => caller.voiceNote(image),
    reads: 'I can read text and listen to voice notes, but not open what you sent. Please type it or say it.',
    fails: 'NOTHING_TO_READ'
  },
  'a voice note beside an image': { send: caller => caller.voiceNote([image, { bytes: note.bytes }]), reads: answered },
  'a caption above a voice note': {
    send: caller => caller.voiceNote({ bytes: note.bytes }, 'please do this'),
    reads: answered
  },
  'media that comes late': {
    send: speak(note.bytes, { kind: 'error', status: 404, times: 2 }),
    reads: answered,
    check: (t, shown) => t.strictSame(triesOf(shown), ['AUDIO_NOT_FOUND', 'AUDIO_NOT_FOUND'])
  },
  'media whose server breaks twice': {
    send: speak(note.bytes, { kind: 'error', status: 500, times: 2 }),
    reads: answered,
    check: (t, shown) => t.strictSame(triesOf(shown), ['AUDIO_UNAVAILABLE', 'AUDIO_UNAVAILABLE'])
  },
  'media that never comes': {
    send: speak(note.bytes, { kind: 'error', status: 404 }),
    reads: 'Your voice note could not be fetched. Please send it again.',
    fails: 'AUDIO_NOT_FOUND',
    check: (t, shown) => t.equal(triesOf(shown).length, 4, 'it was tried five times in all')
  },
  'a note in which nobody speaks': {
    send: speak(silence),
    reads: 'I could not hear any words in your voice note. Please record it again, closer to the microphone.',
    fails: 'SPEECH_EMPTY'
  },
  'a type that the web says and the bytes do not': {
    send: speak(note.bytes, { kind: 'mistyped', contentType: 'text/html' }),
    reads: answered
  }
}

t.test('whatever is wrong with a voice note, its sender reads one plain sentence and nothing is silent', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: { transcripts, defaultTranscript: note.text } })
  const server = await stage.start()
  t.ok(between(900_000, opusSilence(3_600, 14).length, 950_000), 'an hour fits into 930 KB')
  const sent = await Promise.all(
    Object.entries(cases).map(async ([title, each], i) => {
      const from = `whatsapp:+1555010${1_000 + i}`
      const posted = await each.send(stage.callerOf(from), stage)
      return { title, each, from, posted }
    })
  )
  await stage.settled(60_000)
  for (const { title, each, from, posted } of sent) {
    t.equal(posted.status, 200, `${title} is accepted`)
    const shown = (await stage.execution(posted.messageSid)) as Shown
    const read = stage.read(from)
    t.equal(read.length, 1, `${title} gets one answer`)
    if (typeof each.reads === 'string') t.equal(read[0], each.reads, `${title} is told in plain words`)
    else t.match(read[0], each.reads, `${title} is answered`)
    t.equal(shown.state, each.fails === undefined ? 'done' : 'dead', `${title} ends in its state`)
    t.equal(failureOf(shown), each.fails, `${title} is recorded by its code`)
    each.check?.(t, shown)
  }
  const failed = sent.filter(({ each }) => each.fails !== undefined)
  t.equal(await stage.metric('knomly_outcomes_total', { state: 'dead' }), failed.length)
  t.equal(await stage.metric('knomly_outcomes_total', { state: 'done' }), sent.length - failed.length)
  t.equal(await stage.metric('knomly_attempts_failed_total', { code: 'AUDIO_NOT_FOUND' }), 2 + 4)
  t.equal(await stage.metric('knomly_attempts_failed_total', { code: 'AUDIO_UNAVAILABLE' }), 2)
  t.equal(await stage.metric('knomly_alerts_total'), 0, 'a bad voice note is nothing to wake the operator for')
  t.strictSame(stage.openai.surprises, [])
  t.equal(await server.kill('SIGTERM'), 0)
})

t.test('several attachments are each heard once, in their order, and shown to the model with the caption', async t => {
  const stage = await setStage(t, {
    agent: ({ items }) => ({ text: `The last words: ${items.findLast(item => 'text' in item)?.text}` }),
    openai: { transcripts },
    env: { TWILIO_SENDERS: `${ours},${sms}` }
  })
  await stage.start()
  const phone = '+15550102000'
  const caller = createCaller({
    ...{ accountSid, authToken, publicUrl: stage.url, from: phone, to: sms, addMedia: stage.twilio.addMedia }
  })
  const two = await caller.voiceNote([{ bytes: second.bytes }, image, { bytes: third.bytes }], 'listen to both')
  await stage.settled()
  const kinds = ((await stage.execution(two.messageSid)) as Shown).frames.map(({ kind }) => kind)
  t.strictSame(kinds.slice(0, 5), [
    'voice.received',
    'audio.downloaded',
    'audio.downloaded',
    'speech.transcribed',
    'speech.transcribed'
  ])
  const heard = stage.openai.requests.filter(({ kind }) => kind === 'transcription').map(({ body }) => sizeOf(body))
  t.strictSame(heard, [second.bytes.length, third.bytes.length], 'each was sent to be heard once')
  const [answer = ''] = stage.read(phone)
  t.ok(answer.startsWith('I heard: "'), 'the person reads what was heard')
  t.ok(
    answer.includes(
      `listen to both\n[voice note] ${second.text}\n[attached: image/jpeg, which cannot be read]\n[voice note] ${third.text}`
    ),
    'the model was shown all of it in order'
  )
})

t.test('media is fetched from Twilio alone, whatever the webhook or a redirect says', async t => {
  let visits = 0
  const foreign = createServer((_request, response) => {
    visits += 1
    response.end(note.bytes)
  }).listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  t.teardown(() => foreign.close())
  const elsewhere = `http://127.0.0.1:${(foreign.address() as { port: number }).port}`
  const stage = await setStage(t, { agent: demoAgent, openai: { defaultTranscript: note.text } })
  await stage.start()
  const path = (message: string) => `/2010-04-01/Accounts/${accountSid}/Messages/${message}/Media/${newSid('ME')}`
  const sent = [
    await speak(note.bytes, { kind: 'foreign', location: `${elsewhere}/media/1` })(person(1, stage), stage),
    await speak(note.bytes, { kind: 'foreign', location: 'http://169.254.169.254/latest' })(person(2, stage), stage),
    await person(3, stage).voiceNote(`${elsewhere}${path(newSid('SM'))}`),
    // One message must not fetch what belongs to another.
    await person(4, stage).raw({
      ...person(4, stage).textParams(''),
      ...{ NumMedia: '1', MediaContentType0: 'audio/ogg', MediaUrl0: stage.twilio.url + path(newSid('SM')) }
    })
  ]
  await stage.settled()
  for (const [i, { messageSid }] of sent.entries()) {
    const shown = (await stage.execution(messageSid)) as Shown
    t.strictSame(stage.read(address(i + 1)), ['Your voice note could not be fetched safely. Please type your message.'])
    t.strictSame([shown.state, failureOf(shown)], ['dead', 'AUDIO_HOST_REFUSED'])
  }
  t.equal(visits, 0, 'the foreign host was never called')
  t.equal(await stage.metric('knomly_alerts_total', { code: 'AUDIO_HOST_REFUSED' }), sent.length)
  t.equal(stage.openai.calls.transcription, 0)
})

t.test('what speech recognition does not manage is told, and what it refuses is not tried again', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: { transcripts, defaultTranscript: note.text } })
  await stage.start()
  stage.openai.failNext({ on: 'transcription', status: 400 })
  await speak(note.bytes)(person(1, stage), stage)
  await stage.settled()
  t.strictSame(stage.read(address(1)), [
    'The speech service could not read your voice note. Please record it again, or type your message.'
  ])
  t.equal(stage.openai.calls.transcription, 1)
  stage.openai.failNext({ on: 'transcription', status: 503 })
  stage.openai.failNext({ on: 'transcription', garbage: true })
  await speak(note.bytes)(person(2, stage), stage)
  await stage.settled()
  t.match(stage.read(address(2)), [answered])
  t.equal(stage.openai.calls.transcription, 4, 'a broken answer and an error are both tried again')
})

t.test('media that cannot be had for a quarter of an hour is given up, and its sender told twice at most', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: { transcripts, defaultTranscript: note.text } })
  const server = await startMovable(t, stage, {
    wrap: (ports, clock) => {
      const rest = { user: accountSid, password: authToken }
      const download = createDownload({ apiUrl: stage.twilio.url, rest, clock, deadlineMs: 150 })
      const base = (message: string) => `/2010-04-01/Accounts/${accountSid}/Messages/${message}/Media`
      const fetchAudio: typeof ports.channel.fetchAudio = async ({ message, media }, attachment, signal) =>
        inspectAudio(await download(`${base(message)}/${media[attachment]?.id}`, signal), 600)
      return { ...ports, channel: { ...ports.channel, fetchAudio } }
    }
  })
  const modes: MediaMode[] = [
    { kind: 'error', status: 500 },
    { kind: 'error', status: 502 },
    { kind: 'loop' },
    { kind: 'truncated' },
    { kind: 'hang' },
    { kind: 'drip', everyMs: 100 }
  ]
  const sent = await Promise.all(modes.map((mode, i) => speak(note.bytes, mode)(person(i, stage), stage)))
  await server.advance(30_000)
  t.equal(stage.twilio.messages.length, 0, 'half a minute is waited in silence')
  await server.advanceUntilSettled(45_000)
  for (const [i, { messageSid }] of sent.entries()) {
    const shown = (await stage.execution(messageSid)) as Shown
    t.strictSame([shown.state, failureOf(shown)], ['dead', 'AUDIO_UNAVAILABLE'], `${modes[i]?.kind}`)
    t.strictSame(stage.read(address(i)), [
      'I have your message. A service that I need is slow to answer; I keep trying and will tell you how it ends.',
      'Your voice note could not be fetched. Please send it again later.'
    ])
  }
})

function speak(bytes: Uint8Array, mode?: MediaMode): Case['send'] {
  return (caller, { twilio }) => {
    const url = twilio.addMedia(newSid('SM'), bytes, 'audio/ogg', mode)
    return caller.voiceNote(url)
  }
}

function transcripts({ bytes }: { bytes: Buffer }): string | undefined {
  if (bytes.equals(silence)) return ''
  return [second, third].find(each => each.bytes.equals(bytes))?.text
}

function failureOf({ frames }: Shown): unknown {
  return frames.findLast(({ kind }) => kind === 'work.failed')?.data.code
}

function triesOf({ frames }: Shown): unknown[] {
  return frames.filter(({ kind }) => kind === 'attempt.failed').map(({ data }) => data.code)
}

function sizeOf(body: unknown): number {
  return (body as { size: number }).size
}

function address(i: number): string {
  return `whatsapp:+1555010${3_000 + i}`
}

function person(i: number, stage: Stage): Caller {
  return stage.callerOf(address(i))
}

function between(low: number, value: number, high: number): boolean {
  return low < value && value < high
}

/** The head of a file as an older phone records it: an ISO container of the brand 3gp5. */
function threeGp(): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftyp3gp5\0\0\0\x003gp53gp4'), Buffer.alloc(400)])
}
