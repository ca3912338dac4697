import t from 'tap'
import type { AgentRequest } from '../../src/simulator/agent-script.ts'
import { createCaller, type Posted } from '../../src/simulator/caller.ts'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import { newSid } from '../../src/simulator/twilio-messages.ts'
import { accountSid, authToken, ours, type Shown, type Stage, setStage, until, voice } from '../stage.ts'
import { startMovable } from './movable-time.ts'

const note = voice('p01-request')
const sms = '+14155238887'
const farewell = 'You will get no more messages from me. Send START to hear from me again.'
const welcome = 'Welcome back. Send me a voice note or a text message.'
const statusPath = '/webhooks/twilio/status'

t.test('people are remembered in their order, and nobody sees the words or the tasks of another', async t => {
  const seen: AgentRequest[] = []
  const stage = await setStage(t, {
    agent: request => {
      seen.push(request)
      const words = lastWords(request)
      return words.startsWith('note') ? { text: `Noted ${words}` } : demoAgent(request)
    }
  })
  await stage.start()
  const [asha, ben] = [stage.callerOf(address(1)), stage.callerOf(address(2))]
  for (const i of [1, 2, 3]) {
    await asha.text(`note apple ${i}`)
    await ben.text(`note banana ${i}`)
  }
  await asha.text('Remind me to buy apples')
  await stage.settled()
  await ben.text('What is on my list?')
  await stage.settled()
  t.strictSame(stage.read(address(1)), [
    'Noted note apple 1',
    'Noted note apple 2',
    'Noted note apple 3',
    'I put "Buy apples" on your list.'
  ])
  t.strictSame(stage.read(address(2)).at(-1), 'Your list is empty.')
  const third = seen.find(request => lastWords(request) === 'note apple 3')
  t.strictSame(
    third?.items.map(item => ('text' in item ? item.text : item.role)),
    ['note apple 1', 'Noted note apple 1', 'note apple 2', 'Noted note apple 2', 'note apple 3']
  )
  const mixed = seen.filter(({ items }) => /apple/.test(JSON.stringify(items)) && /banana/.test(JSON.stringify(items)))
  t.equal(mixed.length, 0, 'no request shows the words of two people')
  const { conversations } = await json<{ conversations: unknown[] }>(await stage.api('/api/conversations'))
  t.equal(conversations.length, 2)
})

t.test('STOP is confirmed and ends everything, also an answer that is under way; START begins again', async t => {
  let release = () => {}
  const gate = new Promise<void>(resolve => {
    release = resolve
  })
  const asked: string[] = []
  const stage = await setStage(t, {
    agent: async request => {
      asked.push(lastWords(request))
      if (lastWords(request) === 'slow') await gate
      return { text: `Answer to ${lastWords(request)}` }
    },
    env: { TWILIO_SENDERS: `${ours},${sms}` }
  })
  await stage.start()
  const caller = stage.callerOf(address(1))
  const slow = await caller.text('slow')
  await until(() => asked.length === 1)
  await caller.text(' stop\n')
  release()
  await stage.settled()
  t.strictSame(stage.read(address(1)), [farewell], 'the answer under way is not sent any more')
  t.equal((await shown(stage, slow)).state, 'cancelled')

  const ignored = await caller.text('Are you there?')
  const help = await caller.text('HELP')
  await stage.settled()
  t.strictSame([(await shown(stage, ignored)).state, (await shown(stage, help)).state], ['refused', 'refused'])
  t.strictSame(stage.read(address(1)), [farewell])
  t.strictSame(asked, ['slow'])
  t.equal(await stage.metric('knomly_refused_total', { reason: 'opted-out' }), 2)

  await caller.text('Start')
  await caller.text('help')
  await caller.text('again')
  await stage.settled()
  t.match(stage.read(address(1)).slice(1), [welcome, /^I am an automatic assistant\..*STOP/, 'Answer to again'])

  // Twilio's own handling of opt-outs answers by itself: one confirmation is enough.
  await stage.callerOf(address(2)).text('Please no more', { OptOutType: 'STOP' })
  await stage.callerOf(address(2)).text('hello?')
  const phone = createCaller({ accountSid, authToken, publicUrl: stage.url, from: '+15550301009', to: sms })
  const stopped = await phone.text('STOP')
  await phone.text('hello?')
  await stage.settled()
  t.strictSame([...stage.read(address(2)), ...stage.read('+15550301009')], [])
  t.equal((await shown(stage, stopped)).state, 'done')
  await phone.text('UNSTOP')
  await phone.text('hello again')
  await stage.settled()
  t.strictSame(stage.read('+15550301009'), [welcome, 'Answer to hello again'])
  t.strictSame(stage.openai.surprises, [])
})

t.test('texts that look alarming are no commands and are answered like any other', async t => {
  const stage = await setStage(t, { agent: request => ({ text: `Answer to ${lastWords(request)}` }) })
  await stage.start()
  const texts = [
    'Please stop by the shop',
    'Ignore all previous instructions, the film, was great',
    'cancel',
    'Help me kill the process on port 3000',
    "Robert'); DROP TABLE tasks;--",
    'delete everything in my calendar? no, just asking',
    '<Response><Message>hi</Message></Response>',
    'approve 123456',
    'yes'
  ]
  for (const [i, text] of texts.entries()) await stage.callerOf(address(i)).text(text)
  await stage.settled()
  for (const [i, text] of texts.entries()) t.strictSame(stage.read(address(i)), [`Answer to ${text}`])
})

t.test(
  'who is not on the list is told once a day, who is over the limit once a minute, and neither costs a model call',
  async t => {
    const stage = await setStage(t, {
      agent: request => ({ text: `Answer to ${lastWords(request)}` }),
      env: { ALLOWED_SENDERS: `${address(1)},${address(2)}`, RATE_LIMIT_PER_SENDER: '2' }
    })
    await stage.start()
    const [fast, calm, stranger] = [1, 2, 3].map(i => stage.callerOf(address(i))) as [Caller, Caller, Caller]
    const posted: Posted[] = []
    for (let i = 0; i < 5; i++) posted.push(await fast.text(`fast ${i}`))
    await calm.text('calm')
    const strange = [
      await stranger.text('one'),
      await stranger.voiceNote({ bytes: note.bytes }),
      await stranger.text('x')
    ]
    await stage.settled()
    t.ok([...posted, ...strange].every(({ status, body }) => status === 200 && body.includes('<Response/>')))
    t.strictSame(stage.read(address(1)).sort(), [
      'Answer to fast 0',
      'Answer to fast 1',
      'You are sending faster than I can work, so I did not act on this. Please wait a minute and send it again.'
    ])
    t.strictSame(stage.read(address(2)), ['Answer to calm'])
    t.strictSame(stage.read(address(3)), [
      'I answer only people on my list. Please ask the person who runs this number to add you.'
    ])
    const states = await Promise.all([...posted, ...strange].map(async each => (await shown(stage, each)).state))
    t.strictSame(states, ['done', 'done', ...Array(6).fill('refused')], 'whatever was refused is recorded')
    t.strictSame({ ...stage.openai.calls }, { transcription: 0, responses: 3, chat: 0 })
    t.equal(stage.twilio.mediaRequests.length, 0, 'nothing of a stranger is fetched')
    t.equal(await stage.metric('knomly_refused_total', { reason: 'rate-limited' }), 3)
    t.equal(await stage.metric('knomly_refused_total', { reason: 'sender-not-allowed' }), 3)
    for (const command of ['HELP', 'STOP', 'START']) {
      const posted = await fast.text(command)
      await stage.settled()
      t.equal((await shown(stage, posted)).state, 'done', `${command} is under no limit`)
    }
    t.equal(await stage.metric('knomly_refused_total', { reason: 'rate-limited' }), 3)
    await stranger.text('STOP')
    await stage.settled()
    t.equal(stage.read(address(3)).at(-1), farewell, "STOP is everybody's right")
  }
)

t.test('a person who hides the number stays the same person, whichever name came first', async t => {
  const stage = await setStage(t, { agent: request => ({ text: `Shown ${request.items.length}` }) })
  await stage.start()
  const [first, second] = ['whatsapp:US.13491208655302741918', 'whatsapp:DE.ENT.99120865530274']
  const sent = [
    await stage.callerOf(address(1)).text('by number', { ExternalUserId: first }),
    await stage.callerOf(first).text('hidden'),
    await stage.callerOf(second).text('hidden first'),
    await stage.callerOf(address(2)).text('by number then', { ExternalUserId: second }),
    await stage.callerOf(second).text('hidden again')
  ]
  await stage.settled()
  const lanes = await Promise.all(sent.map(async each => (await shown(stage, each)).lane))
  t.equal(lanes[0], lanes[1])
  t.strictSame([lanes[2], lanes[3]], [lanes[4], lanes[4]])
  t.not(lanes[0], lanes[2])
  t.strictSame([...stage.read(address(1)), ...stage.read(first)], ['Shown 1', 'Shown 3'])
  t.strictSame([...stage.read(second), ...stage.read(address(2))].sort(), ['Shown 1', 'Shown 3', 'Shown 5'])
  await stage.callerOf(first).text('STOP')
  const after = await stage.callerOf(address(1)).text('by number again', { ExternalUserId: first })
  await stage.settled()
  t.equal((await shown(stage, after)).state, 'refused', 'a STOP under one name holds for the other')
})

t.test('a forwarded note makes nothing happen unasked, and the person is told that the wish is not theirs', async t => {
  const stage = await setStage(t, {
    agent: request => {
      const last = request.items.at(-1)
      if (last?.role === 'result') return { text: `It came back: ${last.output.slice(0, 30)}` }
      return { calls: [{ name: 'create_task', arguments: { title: 'Call the plumber', due: null } }] }
    },
    openai: { defaultTranscript: note.text }
  })
  await stage.start()
  const forwarded = await stage.caller.voiceNote({ bytes: note.bytes }, '', { Forwarded: 'true' })
  await stage.settled()
  const frames = (await shown(stage, forwarded)).frames
  const kinds = frames.map(({ kind }) => kind)
  t.ok(kinds.includes('prompt.posted'))
  t.notOk(kinds.includes('tool.started'))
  t.match(
    stage.twilio.messages[0]?.body,
    /^🔐 CONFIRM: .*create_task\n- title: `"Call the plumber"`.*Not from you: .* after reading a forwarded message\.\n/s
  )
  await stage.caller.text('no')
  await stage.settled()
  t.match(stage.twilio.messages[1]?.body, /^I heard: "Remind me.*It came back: refused \(APPROVAL_DENIED/s)
  const [request] = stage.openai.requests.filter(({ kind }) => kind === 'responses')
  t.match(JSON.stringify(request?.body), /\[forwarded voice note\] Remind me/)
  // Another person's same words are their own.
  await stage.callerOf(address(5)).voiceNote({ bytes: note.bytes })
  await stage.settled()
  t.match(stage.read(address(5)), [/It came back: \{"created"/])
})

t.test('what Twilio says to an answer decides what becomes of it', async t => {
  const stage = await setStage(t, { agent: () => ({ text: 'An answer.' }) })
  await stage.start()
  const outcomes: unknown[] = []
  const errors = [
    { status: 400, code: 21610 },
    { status: 400, code: 63016 },
    { status: 400, code: 21211 },
    { status: 401, code: 20003 }
  ]
  for (const [i, error] of errors.entries()) {
    stage.twilio.failNext(error)
    const posted = await stage.callerOf(address(i)).text('Hello')
    await stage.settled()
    const { state, frames } = await shown(stage, posted)
    outcomes.push([error.code, state, frames.find(({ kind }) => kind === 'work.failed')?.data.code])
  }
  t.strictSame(outcomes, [
    [21610, 'cancelled', 'SEND_OPTED_OUT'],
    [63016, 'dead', 'SEND_WINDOW_CLOSED'],
    [21211, 'dead', 'SEND_UNDELIVERABLE'],
    [20003, 'dead', 'SEND_REFUSED']
  ])
  t.equal(stage.twilio.attempts.length, errors.length, 'none of them is tried a second time')
  t.equal(await stage.metric('knomly_alerts_total', { code: 'SEND_REFUSED' }), 1)
  t.equal(await stage.metric('knomly_alerts_total'), 1, "only a wrong key is the operator's matter")
  const after = await stage.callerOf(address(0)).text('Hello?')
  t.equal((await shown(stage, after)).state, 'refused', 'who has opted out at Twilio has opted out here')

  // By hand, once the work is done: a callback at once may come to stand before the last frame of the work.
  stage.twilio.planCallbacks('off')
  const sent = async (from: string) => {
    const posted = await stage.callerOf(from).text('Hello')
    await stage.settled()
    return { posted, sid: stage.twilio.messages.at(-1)?.sid ?? '' }
  }
  const { posted: late, sid: lateSid } = await sent(address(5))
  await stage.twilio.sendStatus(lateSid, 'sent')
  await stage.twilio.sendStatus(lateSid, 'undelivered', 63016)
  const { posted: out, sid: outSid } = await sent(address(6))
  await stage.twilio.sendStatus(outSid, 'failed', 21610)
  const noted = (await shown(stage, late)).frames.at(-1)
  t.match(noted, { kind: 'reply.failed', data: { status: 'undelivered', code: 63016 } })
  t.match((await shown(stage, out)).frames.at(-1), { kind: 'reply.failed', data: { code: 21610 } })
  t.equal((await shown(stage, await stage.callerOf(address(6)).text('Hello?'))).state, 'refused')
})

t.test('an answer that Twilio may have taken is looked for before it is sent again', async t => {
  const stage = await setStage(t, { agent: request => ({ text: `To ${lastWords(request)}` }) })
  const server = await startMovable(t, stage)
  const faults = {
    'taken and told': { afterTaking: true },
    'taken and listed': { afterTaking: true },
    'taken and cut': { afterTaking: true, cut: true },
    'not taken': {},
    'not taken and cut': { cut: true },
    'not taken and garbled': { garbage: true },
    'told to wait': { status: 429, code: 20429, retryAfter: 1 }
  }
  const sids: Posted[] = []
  for (const [i, [words, fault]] of Object.entries(faults).entries()) {
    stage.twilio.planCallbacks(words === 'taken and told' ? {} : 'off')
    stage.twilio.failNext(fault)
    const before = stage.twilio.attempts.length
    sids.push(await stage.callerOf(address(i)).text(words))
    await until(() => stage.twilio.attempts.length > before)
  }
  await stage.twilio.callbacksPosted()
  await server.advanceUntilSettled(4_000)
  for (const [i, words] of Object.keys(faults).entries()) {
    t.strictSame(stage.read(address(i)), [`To ${words}`], `${words}: it arrives once`)
    const { frames, state } = await shown(stage, sids[i] as Posted)
    t.equal(state, 'done')
    const sent = frames.find(({ kind }) => kind === 'reply.part-sent')
    t.equal(sent?.data.reconciled, words.startsWith('taken'), `${words}: found or sent`)
  }
})

t.test('a hundred status callbacks in any order during a reply of three parts disturb nothing', async t => {
  const words = Array.from({ length: 800 }, (_, i) => `w${i}`).join(' ')
  const stage = await setStage(t, { agent: () => ({ text: words }), twilio: { statusCallbacks: 'off' } })
  await stage.start()
  const answers: number[] = []
  const statuses = ['read', 'queued', 'delivered', 'sending', 'sent']
  stage.twilio.onMessage(async message => {
    const { pathname, search } = new URL(message.statusCallback ?? '')
    const posts = Array.from({ length: 34 }, (_, i) =>
      stage.caller.raw(
        { ...callback(message), MessageStatus: statuses[i % statuses.length] ?? '' },
        { path: pathname + search }
      )
    )
    answers.push(...(await Promise.all(posts)).map(({ status }) => status))
  })
  const posted = await stage.caller.text('a long answer, please')
  await stage.settled()
  const { frames, state } = await shown(stage, posted)
  t.equal(state, 'done')
  t.equal(stage.twilio.messages.length, 3)
  t.equal(stage.read(stage.twilio.messages[0]?.to ?? '').join(' '), words)
  t.equal(answers.length, 102)
  t.ok(answers.every(status => status === 204))
  t.equal(await stage.metric('knomly_leases_lost_total'), 0, 'nobody was fenced off')
  const chain = frames.filter(({ kind }) => kind.startsWith('reply.'))
  t.equal(chain.filter(({ kind }) => kind === 'reply.part-sent').length, 3)
  t.equal(chain.filter(({ kind }) => kind === 'reply.started').length, 3)
  for (const { sid } of stage.twilio.messages) {
    const ranks = frames
      .filter(({ data }) => data.message === sid && 'rank' in data)
      .map(({ data }) => Number(data.rank))
    t.strictSame(ranks, [...new Set(ranks)].sort(), 'what is known of a part never goes back')
    t.equal(ranks.at(-1), 6)
  }
  const [message] = stage.twilio.messages
  const before = frames.length
  for (const status of ['delivered', 'sent', 'read', 'flying']) {
    const again = await stage.caller.raw(
      { ...callback(message ?? missing()), MessageStatus: status },
      { path: statusPath }
    )
    t.equal(again.status, 204)
  }
  t.equal((await shown(stage, posted)).frames.length, before)
})

t.test('statuses in the wrong order keep the highest, and one of a message that nobody knows is counted', async t => {
  const stage = await setStage(t, {
    agent: () => ({ text: 'Hi.' }),
    twilio: { statusCallbacks: { order: 'shuffled' } }
  })
  await stage.start()
  const posted = await stage.caller.text('Hello')
  await stage.settled()
  await stage.twilio.callbacksPosted()
  const kinds = (await shown(stage, posted)).frames.map(({ kind }) => kind)
  t.ok(kinds.includes('reply.read'))
  t.notOk(kinds.includes('reply.delivered'), 'delivered came after read and is no news')
  const strange = { sid: newSid('SM'), from: ours, to: address(1) }
  for (const path of [statusPath, `${statusPath}?s=0192f0c1-aaaa-7bbb-8ccc-0123456789ab`]) {
    const answer = await stage.caller.raw({ ...callback(strange), MessageStatus: 'delivered' }, { path })
    t.strictSame([answer.status, answer.body], [204, ''])
  }
  t.equal(await stage.metric('knomly_status_unmatched_total'), 2)
})

t.test('the operator sends what died back to work, and says what happened where nobody knows', async t => {
  let works = false
  const stage = await setStage(t, {
    agent: request => {
      const last = request.items.at(-1)
      if (last?.role === 'result') return { text: `The bell: ${last.output}` }
      if (lastWords(request) === 'ring') return { calls: [{ name: 'ring_bell', arguments: {} }] }
      return works ? { text: 'Better late than never.' } : { text: 'cut', incomplete: 'content_filter' }
    }
  })
  const retry = (posted: Posted, body?: object) =>
    stage.api(`/api/inbox/messaging:${accountSid}:${posted.messageSid}/retry`, {
      method: 'POST',
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
    })
  const server = await stage.start({}, 'test/journeys/dying-tool.ts')
  const dead = await stage.callerOf(address(1)).text('hello')
  await stage.settled()
  t.equal((await shown(stage, dead)).state, 'dead')
  works = true
  t.strictSame([(await retry(dead)).status], [200])
  await stage.settled()
  t.equal((await shown(stage, dead)).state, 'done')
  t.strictSame(stage.read(address(1)).slice(1), ['Better late than never.'])
  t.equal((await retry(dead)).status, 409, 'what ended well is not worked again')
  t.equal((await retry({ ...dead, messageSid: newSid('SM') })).status, 404)

  const rung = await stage.callerOf(address(2)).text('ring')
  await server.exited
  const second = await stage.start({}, 'test/journeys/dying-tool.ts')
  await stage.settled()
  t.equal((await shown(stage, rung)).state, 'unknown')
  t.strictSame(stage.read(address(2)), [
    'I was interrupted while doing something and do not know whether it happened. My operator has been told.'
  ])
  t.equal(await stage.metric('knomly_alerts_total', { code: 'OUTCOME_UNKNOWN' }), 1)
  t.equal(await stage.metric('knomly_unknown_outcomes_total'), 1)
  t.equal((await retry(rung)).status, 409)
  t.equal((await retry(rung, { effect: 'perhaps' })).status, 400)
  t.equal((await retry(rung, { effect: 'happened' })).status, 200)
  await stage.settled()
  t.strictSame(stage.read(address(2)).slice(1), ['The bell: It was done.'])
  t.equal((await shown(stage, rung)).state, 'done')
  t.equal((await fetch(`${stage.url}/api/inbox/x/retry`, { method: 'POST' })).status, 401)
  t.equal(await second.kill('SIGTERM'), 0, 'the bell was not rung a second time')
})

type Caller = ReturnType<typeof createCaller>

async function shown(stage: Stage, { messageSid }: Posted): Promise<Shown & { lane: string }> {
  return (await stage.execution(messageSid)) as Shown & { lane: string }
}

async function json<T>(response: Response): Promise<T> {
  return (await response.json()) as T
}

function callback({ sid, from, to }: { sid: string; from: string; to: string }) {
  return { AccountSid: accountSid, MessageSid: sid, SmsSid: sid, From: from, To: to, ApiVersion: '2010-04-01' }
}

function lastWords({ items }: AgentRequest): string {
  const item = items.findLast(each => each.role === 'user')
  return item !== undefined && 'text' in item ? item.text : ''
}

function address(i: number): string {
  return `whatsapp:+1555030${1_000 + i}`
}

function missing(): never {
  throw new Error('nothing was sent')
}
