import t from 'tap'
import type { Params } from '../../src/simulator/twilio-signer.ts'
import { ours, type Stage, setStage, until } from '../stage.ts'
import { auditOf, codeIn, decisionsIn, idOf, judged, kinds, obedient, person, titles } from './asking.ts'
import { startMovable } from './movable-time.ts'

const minute = 60_000
const another = 'whatsapp:+14155230001'
const sms = '+14155230002'
const env = { TWILIO_SENDERS: [ours, another, sms].join(','), RATE_LIMIT_PER_SENDER: '0' }

t.test('a tap approves exactly its question, once, and no model is shown it', async t => {
  const stage = await setStage(t, { agent: obedient })
  await startMovable(t, stage)
  const ana = person(stage, 1)
  for (const title of ['a', 'b', 'c']) await ana.say(`add ${title}`)
  const asking = await ana.asks('delete a')
  const question = ana.question()
  t.match(question.body, /To approve, send this code alone within 10 minutes: \d{6}$/, 'the code is there as always')
  t.strictSame(
    question.buttons.map(({ title }) => title),
    ['Approve', 'Refuse']
  )
  for (const { id } of question.buttons) t.match(id, /^knomly\.(approve|refuse)\.[\w-]{22}$/)

  const turns = stage.openai.requests.length
  const tap = await ana.taps(question, 'Approve')
  const done = await stage.ended(asking)
  t.match(decisionsIn(done), [{ state: 'approved', by: 'principal', how: 'button', evidence: idOf(tap) }])
  t.match(await judged(stage, tap), { verdict: 'approved', reason: 'button-fits' })
  t.equal((await stage.execution(tap))?.frames[0]?.kind, 'button.tapped')
  t.equal(kinds(done).filter(kind => kind === 'tool.started').length, 2, 'the list and the deletion')
  t.match(ana.last(), /^It came to: \{"deleted":/)
  t.equal(stage.openai.requests.length, turns + 1, 'the one turn is that of the asking message')
  t.match(await judged(stage, await ana.taps(question, 'Approve')), { reason: 'decided-already' })
  t.equal(await titles(ana), 'There is: [b, c]')

  const second = await ana.asks('delete b')
  t.not(ana.question().buttons[0]?.id, question.buttons[0]?.id, 'each question has its own tokens')
  const no = await ana.taps(ana.question(), 'Refuse')
  t.match(decisionsIn(await stage.ended(second)), [{ state: 'denied', how: 'button', evidence: idOf(no) }])
  t.match(await judged(stage, no), { verdict: 'denied', reason: 'button-refuses' })
  t.equal(await titles(ana), 'There is: [b, c]')

  await ana.asks('delete c')
  t.equal(templatesMade(stage), 1, 'one template does for all')
})

t.test('a tap that misses any condition changes nothing, and is audited with its own reason', async t => {
  const stage = await setStage(t, { agent: obedient, env })
  const server = await startMovable(t, stage)
  const [ana, ben] = [person(stage, 1), person(stage, 2)]
  for (const title of ['a', 'b']) await ana.say(`add ${title}`)
  await ben.say('add a thing')
  const asking = await ana.asks('delete a')
  const question = ana.question()
  const other = await ana.asks('delete b')
  const otherQuestion = ana.question()
  await ben.asks('delete a thing')
  const token = (i: number, of = question) => of.buttons[i]?.id ?? ''
  const elsewhere = `SM${'0'.repeat(32)}`
  const media = { NumMedia: '1', MediaUrl0: 'https://example.org/a', MediaContentType0: 'image/png' }

  const misses: [string, string, Params, typeof ana?][] = [
    ['another-person', 'Approve', {}, ben],
    ['another-person', 'Approve', { ButtonPayload: token(0, ben.question()) }, ben],
    ['forwarded', 'Approve', { Forwarded: 'true' }],
    ['forwarded', 'Approve', { FrequentlyForwarded: 'true' }],
    ['forwarded', 'Refuse', { Forwarded: 'true' }],
    ['another-question', 'Approve', { OriginalRepliedMessageSid: otherQuestion.sid }],
    ['another-question', 'Approve', { ButtonPayload: token(0, otherQuestion) }],
    ['wrong-original', 'Approve', { OriginalRepliedMessageSid: elsewhere }],
    ['wrong-original', 'Refuse', { OriginalRepliedMessageSid: '' }],
    ['another-number', 'Approve', { To: another }],
    ['button-not-alone', 'Approve', media],
    ['button-not-alone', 'Approve', { ...media, MediaContentType0: 'audio/ogg' }],
    ['wrong-button', 'Approve', { ButtonPayload: token(1).replace('refuse', 'approve') }],
    ['wrong-button', 'Approve', { ButtonPayload: `${token(0)}x` }],
    ['wrong-button', 'Approve', { ButtonPayload: token(0).slice(0, -1) }],
    ['wrong-button', 'Approve', { ButtonPayload: 'knomly.approve.' }],
    ['wrong-button', 'Approve', { ButtonPayload: '' }],
    ['wrong-button', 'Approve', { ButtonPayload: 'knomly.approve.{{2}}', OriginalRepliedMessageSid: elsewhere }],
    ['wrong-button', 'Approve', { ButtonPayload: 'knomly.approve.{{3}}' }]
  ]
  const before = JSON.stringify([await stage.execution(asking), await stage.execution(other)])
  for (const [reason, title, extra, who = ana] of misses) {
    const name = `${reason}: ${JSON.stringify(extra)}`
    const sid = await who.taps(question, title, extra)
    t.match(await judged(stage, sid), { verdict: 'refused', reason }, name)
    t.equal(JSON.stringify([await stage.execution(asking), await stage.execution(other)]), before, name)
    const [record] = await auditOf(stage, 'approval.evidence')
    t.match(record, { execution: idOf(sid), outcome: 'refused', detail: { reason } }, name)
    t.notMatch(who.last(), /^It came to/)
  }

  const words = await ana.taps(
    { ...question, sid: elsewhere, buttons: [{ title: 'Approve', id: 'their-own' }] },
    'Approve'
  )
  const [first] = (await stage.execution(words))?.frames ?? []
  t.match(first, { kind: 'text.received', provenance: { integrity: 'user_forwarded' } }, 'a button of others is words')

  const early = ana.caller.tapParams(question, 'Approve')
  const taken = ana.caller.textParams('hello')
  await ana.caller.raw(taken)
  await stage.settled()
  const replayed = await ana.caller.raw({ ...early, MessageSid: String(taken.MessageSid) })
  t.equal(replayed.status, 200)
  await stage.settled()
  t.equal(JSON.stringify([await stage.execution(asking), await stage.execution(other)]), before)
  t.match(await auditOf(stage, 'approval.evidence'), [
    { execution: idOf(replayed.messageSid), detail: { reason: 'repeated' } }
  ])

  await server.advance(10 * minute + 1_000)
  const late = await ana.taps(question, 'Approve')
  t.match(await judged(stage, late), { verdict: 'refused', reason: 'expired' })
  await server.advance(30_000)
  await until(async () => (await stage.execution(asking))?.state === 'done')
  t.match(decisionsIn((await stage.execution(asking)) as never), [{ state: 'expired' }])
  t.match(await judged(stage, await ana.taps(question, 'Approve')), { reason: 'expired' }, 'also when it is over')
  t.equal(await titles(ana), 'There is: [a, b]')
})

t.test('a replayed tap counts once, and an unsigned one or one for another URL is not heard', async t => {
  const stage = await setStage(t, { agent: obedient })
  const server = await stage.start()
  const ana = person(stage, 1)
  await ana.say('add a')
  const asking = await ana.asks('delete a')
  const params = ana.caller.tapParams(ana.question(), 'Approve')
  const unsigned = await ana.caller.raw(params, { headers: { 'X-Twilio-Signature': undefined } })
  t.equal(unsigned.status, 403)
  const elsewhere = ana.caller.sign(`${stage.url}/webhooks/twilio/status`, params)
  t.equal((await ana.caller.raw(params, { headers: { 'X-Twilio-Signature': elsewhere } })).status, 403)
  t.equal((await stage.execution(asking))?.state, 'parked')
  t.equal(await stage.execution(String(params.MessageSid)), null)

  for (let i = 0; i < 3; i++) t.equal((await ana.caller.raw(params)).status, 200)
  const done = await stage.ended(asking)
  t.equal(decisionsIn(done).length, 1)
  t.equal(kinds(done).filter(kind => kind === 'tool.started').length, 2)
  const evidence = await auditOf(stage, 'approval.evidence')
  t.strictSame(
    evidence.map(({ detail }) => detail.reason),
    ['repeated']
  )
  await server.kill('SIGTERM')
  await stage.start()
  const refused = await auditOf(stage, 'webhook.refuse')
  t.strictSame(refused.map(({ detail }) => detail.reason).toSorted(), ['SIGNATURE_INVALID', 'SIGNATURE_MISSING'])
})

for (const how of ['off', 'garbled', 'refused'] as const) {
  t.test(`where buttons are ${how} at the other side, the question comes once, with its code`, async t => {
    const stage = await setStage(t, { agent: obedient, ...(how === 'off' && { twilio: { content: 'off' } }) })
    await startMovable(t, stage)
    if (how === 'garbled') stage.twilio.failNext({ on: 'content', garbage: true, times: 9 })
    const ana = person(stage, 1)
    for (const title of ['a', 'b']) await ana.say(`add ${title}`)
    if (how === 'refused') stage.twilio.failNext({ status: 400, code: 21656 })
    const asking = await ana.asks('delete a')
    const first = ana.question()
    t.strictSame(first.buttons, [])
    t.equal(ana.read().filter(text => text.startsWith('🔐')).length, 1)
    await ana.asks('delete b')
    t.strictSame(ana.question().buttons, [], 'it is remembered for a while')
    t.equal(templatesMade(stage), 1)
    await ana.say(codeIn(first.body))
    t.equal((await stage.ended(asking)).state, 'done')
  })
}

t.test('by SMS, and where a question is too long for buttons, there is the code alone', async t => {
  const stage = await setStage(t, { agent: obedient, env })
  await startMovable(t, stage)
  const [ana, ben] = [person(stage, 1, { from: '+15551000001', to: sms }), person(stage, 2)]
  await ana.say('add a')
  await ana.asks('delete a')
  t.strictSame(ana.question().buttons, [])
  await ben.say(`add ${'a '.repeat(240)}end`)
  await ben.say('add b')
  await ben.asks(`delete ${'a '.repeat(240)}end`)
  t.ok(ben.question().body.length <= 1_500)
  t.equal(ben.question().buttons.length, ben.question().body.length <= 1_024 ? 2 : 0)
  t.equal(templatesMade(stage), ben.question().buttons.length / 2)
})

t.test('Spanish questions have Spanish buttons', async t => {
  const stage = await setStage(t, { agent: obedient })
  await startMovable(t, stage)
  const ana = person(stage, 1)
  await ana.say('add la tarea')
  const asking = await ana.asks('por favor delete la tarea')
  t.strictSame(
    ana.question().buttons.map(({ title }) => title),
    ['Aprobar', 'Rechazar']
  )
  await ana.taps(ana.question(), 'Aprobar')
  t.equal((await stage.ended(asking)).state, 'done')
})

function templatesMade(stage: Stage): number {
  return stage.twilio.requests.filter(({ url }) => url.startsWith('/v1/Content')).length
}
