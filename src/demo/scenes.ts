import { counted, duration, type Screen, size } from '../screen.ts'
import { chainIsWhole, type ShownExecution, type ShownFrame, timelineLines } from '../timeline.ts'
import type { HeldAgent } from './held-agent.ts'
import { expect, frameOf, postedIn, type Say, type Scene, sayOn } from './scene.ts'
import { type DemoStage, readVoice } from './stage.ts'

/** The scenes in order; the first answers a message that the next two look at again. */
export function createScenes(stage: DemoStage, held: HeldAgent, screen: Screen): readonly Scene[] {
  const say = sayOn(screen)
  let first: ShownExecution | undefined
  const answer = async () => {
    first = await answerVoiceNote(stage, say)
  }
  const explain = async () => {
    if (first === undefined) throw new Error('there is no finished message to look at')
    for (const line of timelineLines(first, false, screen).slice(1)) screen.print(line)
    expect(chainIsWhole(first), 'the chain of hashes is whole')
  }
  return [
    { title: 'A voice note is answered', holds: 'a voice note was heard, acted on and answered', play: answer },
    { title: 'Every step is a frame', holds: 'its frames explain it, and their chain is whole', play: explain },
    {
      title: 'Forged webhooks are refused',
      holds: 'forged webhooks were refused, and nothing of them was kept',
      play: () => refuseForgeries(stage, say)
    },
    {
      title: 'The same webhook three times',
      holds: 'the same webhook three times was answered once',
      play: () => answerRepeats(stage, say)
    },
    {
      title: 'The server is killed with -9 in mid-work',
      holds: 'killed with -9 and started again, the server answered exactly once',
      play: () => surviveKill(stage, held, say)
    }
  ]
}

const voiceNote = 'p01-request.ogg'
const spoken = 'Remind me to call the plumber tomorrow at nine.'
const [asha, ben] = ['whatsapp:+15551230001', 'whatsapp:+15551230002']

async function answerVoiceNote(stage: DemoStage, say: Say): Promise<ShownExecution> {
  const bytes = readVoice(voiceNote)
  say('posted', `${voiceNote} (${size(bytes.length)}), signed as Twilio signs`)
  const started = Date.now()
  const posted = await postedIn(stage.caller(asha).voiceNote({ bytes }), say)
  await stage.until(() => stage.answersTo(asha).length > 0, 'an answer')
  await stage.ended(posted.messageSid)
  await stage.twilio.callbacksPosted()
  const execution = await stage.ended(posted.messageSid)
  const [downloaded, transcribed] = [frameOf(execution, 'audio.downloaded'), frameOf(execution, 'speech.transcribed')]
  const tookMs = Date.parse(transcribed.at) - Date.parse(downloaded.at)
  const by = stage.recognisesSpeech ? 'recognised here' : 'canned'
  say('heard', `"${transcribed.data.text}" (${by}, ${duration(tookMs)})`)
  expect(plain(transcribed.data.text) === plain(spoken), `what was heard is "${spoken}"`)
  const { tool, arguments: input } = frameOf(execution, 'tool.started').data
  say('tool called', `${tool} ${JSON.stringify(input)}`)
  const finished = frameOf(execution, 'tool.finished').data
  expect(tool === 'create_task' && finished.outcome === 'done', 'create_task was called and done')
  const { created } = JSON.parse(finished.result)
  say('task created', `${created.title}, due ${created.due}`)
  expect(/plumber/i.test(created.title), 'the task is about the plumber')
  const [answer, ...more] = stage.answersTo(asha)
  say('answer', answer?.body ?? '')
  expect(answer?.body.includes(transcribed.data.text) && more.length === 0, 'one answer that says what was heard')
  say('in all', `${duration((answer?.at ?? 0) - started)} from the webhook to the answer at Twilio`)
  return execution
}

async function refuseForgeries(stage: DemoStage, say: Say): Promise<void> {
  const caller = stage.caller(asha)
  const params = caller.textParams('Send me the whole list')
  const headers = { 'X-Twilio-Signature': caller.sign(`${stage.url}/webhooks/twilio/messages`, params) }
  const forger = stage.caller(asha, 'not-the-token-of-the-account')
  const forgeries = {
    'another token': await forger.text('Read me the whole list'),
    'one word changed': await caller.raw({ ...params, Body: 'Send him the whole list' }, { headers })
  }
  for (const [how, { status, body, messageSid }] of Object.entries(forgeries)) {
    const isKept = (await stage.execution(messageSid)) !== null
    const kept = isKept ? 'kept' : 'nothing kept'
    say(how, `${status}, ${body === '' ? 'empty body' : counted(body.length, 'byte')}, ${kept}`)
    expect(status === 403 && body === '' && !isKept, `with ${how} it is refused with 403 and nothing else`)
  }
}

async function answerRepeats(stage: DemoStage, say: Say): Promise<void> {
  const caller = stage.caller(asha)
  const before = stage.answersTo(asha).length
  const params = caller.textParams('What is on my list?')
  const [one, two] = await Promise.all([caller.raw(params), caller.raw(params)])
  await stage.until(() => stage.answersTo(asha).length > before, 'an answer')
  await stage.ended(one.messageSid)
  const three = await caller.raw(params)
  const statuses = [one, two, three].map(({ status }) => status)
  say('posted', `"What is on my list?" twice at once, and again after the answer: ${statuses.join(', ')}`)
  await stage.twilio.callbacksPosted()
  const answers = stage.answersTo(asha).slice(before)
  say('answer', answers.map(({ body }) => body).join('\n'))
  expect(
    statuses.every(status => status === 200),
    'each is acknowledged'
  )
  expect(/plumber/i.test(answers[0]?.body ?? ''), 'the answer names the task of the voice note')
  const drafts = (await stage.ended(one.messageSid)).frames.filter(({ kind }) => kind === 'reply.drafted')
  expect(answers.length === 1 && drafts.length === 1, 'there is one answer')
}

async function surviveKill(stage: DemoStage, held: HeldAgent, say: Say): Promise<void> {
  const before = askedOf(stage, held)
  held.hold()
  say('posted', 'the same voice note, from somebody else')
  const { messageSid } = await postedIn(stage.caller(ben).voiceNote({ bytes: readVoice(voiceNote) }), say)
  await stage.until(held.isThinking, 'a question to the model')
  const kept = await keptUpToTool(stage, messageSid)
  await stage.server.kill()
  held.letGo()
  say('killed -9', `while the model was thinking, ${counted(kept.length, 'frame')} after the webhook`)
  expect(stage.answersTo(ben).length === 0, 'nothing was answered before')
  const restarted = performance.now()
  await stage.server.start()
  say('started again', `on the same folder, ready in ${duration(performance.now() - restarted)}`)
  await stage.until(() => stage.answersTo(ben).length > 0, 'an answer')
  const { frames } = await stage.ended(messageSid)
  await stage.twilio.callbacksPosted()
  const after = askedOf(stage, held)
  const [downloads, recognitions, turns] = after.map((count, i) => count - (before[i] ?? 0))
  const recognition = stage.recognisesSpeech ? 'recognition' : `recognition (asked for ${times(recognitions)})`
  const notAgain = `download (asked for ${times(downloads)}), ${recognition}, create_task`
  say('not run again', `${notAgain}: frames 1 to ${kept.length} are unchanged`)
  say('run again', `the thinking that was cut off (the model was asked ${turns} times for 2 turns)`)
  say('answers', `${stage.answersTo(ben).length}: ${withoutEcho(stage.answersTo(ben)[0]?.body ?? '')}`)
  checkContinued(kept, frames)
  expect(downloads === 1, 'the audio was downloaded once')
  expect(recognitions === (stage.recognisesSpeech ? 0 : 1), 'it was transcribed once')
  expect(turns === 3, 'only the turn that was cut off was asked for again')
  expect(stage.answersTo(ben).length === 1, 'there is one answer')
}

/** The frames kept once the tool's result is one of them: the model is asked while that is still being written. */
async function keptUpToTool(stage: DemoStage, messageSid: string): Promise<readonly ShownFrame[]> {
  let kept: readonly ShownFrame[] = []
  await stage.until(async () => {
    kept = (await stage.execution(messageSid))?.frames ?? []
    return kept.at(-1)?.kind === 'tool.finished'
  }, "keeping the tool's result")
  return kept
}

/** How often Twilio was asked for audio, the speech service for words, and the model for a turn. */
function askedOf({ twilio, openai }: DemoStage, held: HeldAgent): number[] {
  const downloads = twilio.mediaRequests.filter(({ authorized }) => authorized)
  return [downloads.length, openai.calls.transcription, held.turns()]
}

function checkContinued(kept: readonly ShownFrame[], frames: readonly ShownFrame[]): void {
  const areUnchanged = kept.length > 0 && kept.every(({ hash }, i) => hash === frames[i]?.hash)
  expect(areUnchanged, 'the frames recorded before are unchanged')
  for (const kind of ['audio.downloaded', 'speech.transcribed', 'tool.started', 'tool.finished'] as const) {
    expect(frames.filter(frame => frame.kind === kind).length === 1, `there is one frame ${kind}`)
  }
}

function times(count: number | undefined): string {
  return count === 1 ? 'once' : `${count} times`
}

function withoutEcho(answer: string): string {
  return answer.split('\n').at(-1) ?? ''
}

function plain(words: string): string {
  return words.toLowerCase().replace(/[^a-z ]/g, '')
}
