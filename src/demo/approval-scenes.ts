import { counted, duration, type Screen } from '../screen.ts'
import type { SentMessage } from '../simulator/twilio-messages.ts'
import { expect, frameOf, postedIn, type Say, type Scene, sayOn } from './scene.ts'
import { type DemoStage, readVoice } from './stage.ts'

/** The scenes of `npm run demo -- approvals`: one deletion, from the wish to the act. */
export function createApprovalScenes(stage: DemoStage, screen: Screen): readonly Scene[] {
  const say = sayOn(screen)
  let asking = ''
  return [
    {
      title: 'A spoken wish to delete something is asked about',
      holds: 'the deletion was asked about, and not done',
      async play() {
        asking = await askFirst(stage, say)
      }
    },
    {
      title: 'A spoken yes approves nothing, and neither does a forwarded code or button',
      holds: 'neither a spoken yes nor a forwarded code or button tap approved anything',
      play: () => approveWrongly(stage, say, asking)
    },
    {
      title: 'The server is killed with -9 while the question waits',
      holds: 'the question was still there after the kill',
      play: () => surviveKill(stage, say, asking)
    },
    {
      title: 'The typed code approves exactly this, once',
      holds: 'the typed code approved it, it was done once, and the code is worth nothing now',
      play: () => approve(stage, say, asking)
    }
  ]
}

const asha = 'whatsapp:+15551230001'
const [wish, yes] = ['e20-delete.ogg', 'e21-yes.ogg']

async function askFirst(stage: DemoStage, say: Say): Promise<string> {
  const caller = stage.caller(asha)
  const task = await caller.text('Add review the budget before Thursday')
  await stage.ended(task.messageSid)
  say('on the list', stage.answersTo(asha).at(-1)?.body ?? '')
  const before = stage.answersTo(asha).length
  const { messageSid } = await postedIn(caller.voiceNote({ bytes: readVoice(wish) }), say)
  await stage.until(() => stage.answersTo(asha).length > before, 'a question')
  const execution = await stage.rested(messageSid)
  say('heard', `"${frameOf(execution, 'speech.transcribed').data.text}"`)
  say('asked', promptTo(stage))
  expect(execution.state === 'parked', 'it waits for the answer')
  expect(
    !execution.frames.some(({ kind, data }) => kind === 'tool.started' && data.class === 'D'),
    'nothing was deleted'
  )
  return messageSid
}

async function approveWrongly(stage: DemoStage, say: Say, asking: string): Promise<void> {
  const caller = stage.caller(asha)
  const spoken = await caller.voiceNote({ bytes: readVoice(yes) })
  const heard = await stage.rested(spoken.messageSid)
  say('spoken', `"${frameOf(heard, 'speech.transcribed').data.text}"`)
  const typed = await caller.text('yes')
  await stage.rested(typed.messageSid)
  say('typed', `"yes": ${stage.answersTo(asha).at(-1)?.body}`)
  const forwarded = await caller.text(codeIn(promptTo(stage)), { Forwarded: 'true' })
  await stage.rested(forwarded.messageSid)
  say('forwarded', `the right code: ${stage.answersTo(asha).at(-1)?.body}`)
  const tap = await caller.tap(questionTo(stage), 'Approve', { Forwarded: 'true' })
  const judged = frameOf(await stage.rested(tap.messageSid), 'evidence.judged').data
  say('forwarded', `a tap on its button: ${judged.verdict} (${judged.reason})`)
  expect(judged.reason === 'forwarded', 'a forwarded tap is refused')
  expect((await stage.rested(asking)).state === 'parked', 'it waits as before')
}

async function surviveKill(stage: DemoStage, say: Say, asking: string): Promise<void> {
  const { frames } = await stage.rested(asking)
  await stage.server.kill()
  const restarted = performance.now()
  await stage.server.start()
  say('started again', `on the same folder, ready in ${duration(performance.now() - restarted)}`)
  const after = await stage.rested(asking)
  expect(after.state === 'parked' && after.frames.length >= frames.length, 'the question waits')
  say('the question', `waits, with its ${counted(after.frames.length, 'frame')}`)
}

async function approve(stage: DemoStage, say: Say, asking: string): Promise<void> {
  const caller = stage.caller(asha)
  const code = codeIn(promptTo(stage))
  const { messageSid } = await postedIn(caller.text(code), say)
  say('judged', frameOf(await stage.rested(messageSid), 'evidence.judged').data.reason)
  const done = await stage.ended(asking)
  const decided = frameOf(done, 'approval.decided').data
  say('decided', `${decided.state} by the ${decided.by}, by ${decided.how}`)
  const calls = done.frames.filter(({ kind, data }) => kind === 'tool.started' && data.class === 'D')
  expect(calls.length === 1, 'it was done once')
  await stage.until(() => /deleted/i.test(stage.answersTo(asha).at(-1)?.body ?? ''), 'an answer')
  say('answer', stage.answersTo(asha).at(-1)?.body ?? '')
  const again = await stage.rested((await caller.text(code)).messageSid)
  expect(
    again.frames.every(({ kind }) => kind !== 'evidence.judged'),
    'the code is a number like any other'
  )
}

function questionTo(stage: DemoStage): SentMessage {
  const question = stage.answersTo(asha).findLast(({ body }) => body.startsWith('🔐'))
  expect(question !== undefined, 'there is a question')
  return question as SentMessage
}

function promptTo(stage: DemoStage): string {
  return questionTo(stage).body
}

function codeIn(prompt: string): string {
  return /\d{6}$/.exec(prompt)?.[0] ?? ''
}
