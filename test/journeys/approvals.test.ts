import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Agent } from '../../src/simulator/agent-script.ts'
import { knomly } from '../commands.ts'
import { accountSid, setStage, voice } from '../stage.ts'
import {
  approvalsOf,
  auditOf,
  codeIn,
  decisionsIn,
  idOf,
  judged,
  kinds,
  obedient,
  person,
  type ShownApproval,
  titles
} from './asking.ts'

const note = voice('p01-request')

t.test('a deletion is asked about, done by its code alone, and done once', async t => {
  const stage = await setStage(t, { agent: obedient })
  await stage.start()
  const ana = person(stage, 1)
  await ana.say('add the budget')
  const asking = await ana.asks('delete the budget')
  const prompt = ana.last()
  t.match(prompt, /^🔐 DELETE: Shall I do exactly this\?\nDelete the task t-\w{8}\ndelete_task\n- id: `"t-\w{8}"`\n/)
  t.match(
    prompt,
    /It is about `"the budget"`\nTo refuse, send NO\.\nTo approve, send this code alone within 10 minutes: \d{6}$/
  )
  t.equal(await titles(ana), 'There is: [the budget]')

  for (const words of [
    'yes',
    'OK',
    '👍',
    'I approve',
    `the code is ${codeIn(prompt)}`,
    `${codeIn(prompt)}.`,
    wide(codeIn(prompt))
  ]) {
    await ana.say(words)
    t.equal((await stage.execution(asking))?.state, 'parked', words)
  }
  const { messageSid: forwarded } = await ana.caller.text(codeIn(prompt), { Forwarded: 'true' })
  await stage.settled()
  t.match(await judged(stage, forwarded), { verdict: 'refused', reason: 'forwarded' })
  const ben = person(stage, 2)
  await ben.say('add a thing')
  const other = await ben.asks('delete a thing')
  await ben.say(codeIn(prompt))
  t.equal((await stage.execution(other))?.state, 'parked')
  t.equal((await stage.execution(asking))?.state, 'parked', 'the code of somebody else says nothing')

  const code = await ana.say(` ${codeIn(prompt)}\n`)
  const done = await stage.ended(asking)
  const since = kinds(done).slice(kinds(done).indexOf('approval.requested'))
  t.strictSame(
    since.filter(kind => !kind.startsWith('reply.')),
    [...['approval.requested', 'prompt.started', 'prompt.posted', 'approval.decided', 'tool.started', 'tool.finished']]
  )
  t.match(decisionsIn(done), [{ state: 'approved', by: 'principal', how: 'code', evidence: idOf(code) }])
  t.equal(kinds(done).filter(kind => kind === 'tool.started').length, 2, 'the list and the deletion')
  t.match(ana.last(), /^It came to: \{"deleted":/)
  t.match(await judged(stage, code), { verdict: 'approved', reason: 'code-fits' })
  t.equal(await titles(ana), 'There is: []')

  const shown = stage.openai.requests.length
  const again = await ana.say(codeIn(prompt))
  t.equal((await stage.execution(again))?.frames[0]?.kind, 'text.received', 'without a question, digits are words')
  const models = JSON.stringify(stage.openai.requests.slice(0, shown).map(({ body }) => body))
  t.ok(models.includes('the budget'))
  for (const code of [codeIn(prompt), wide(codeIn(prompt))])
    t.notOk(models.includes(code), 'no model was shown the code')
})

t.test('a no refuses, typed or spoken, and nothing more of that message is asked', async t => {
  const stage = await setStage(t, { agent: obedient, openai: { defaultTranscript: 'No!' } })
  await stage.start()
  const ana = person(stage, 1)
  for (const title of ['a', 'b', 'c']) await ana.say(`add ${title}`)
  const before = ana.read().length
  const asking = await ana.asks('delete everything')
  await ana.say('no')
  const refused = await stage.ended(asking)
  t.match(decisionsIn(refused), [{ state: 'denied', by: 'principal', how: 'words' }])
  t.strictSame(
    refused.frames.filter(({ data }) => data.tool === 'delete_task' && data.outcome).map(({ data }) => data.code),
    ['APPROVAL_DENIED', 'DECLINED_BEFORE', 'DECLINED_BEFORE']
  )
  t.equal(
    ana
      .read()
      .slice(before)
      .filter(text => text.startsWith('🔐')).length,
    1,
    'one question'
  )

  const spoken = await ana.asks('delete a')
  const { messageSid: heard } = await ana.caller.voiceNote({ bytes: note.bytes })
  await stage.settled()
  t.match(decisionsIn(await stage.ended(spoken)), [{ state: 'denied', how: 'words', evidence: idOf(heard) }])
  t.equal(stage.openai.requests.filter(({ kind }) => kind === 'transcription').length, 1)
  t.equal(await titles(ana), 'There is: [a, b, c]')
})

t.test('the third wrong code refuses, and a code of another question approves only its own', async t => {
  const stage = await setStage(t, { agent: obedient })
  await stage.start()
  const ana = person(stage, 1)
  for (const title of ['a', 'b']) await ana.say(`add ${title}`)
  const first = await ana.asks('delete a')
  const second = await ana.asks('delete b')
  const [codeA, codeB] = ana
    .read()
    .filter(text => text.startsWith('🔐'))
    .map(codeIn) as [string, string]
  t.not(codeA, codeB)
  await ana.say(codeB)
  t.equal((await stage.ended(second)).state, 'done')
  t.equal((await stage.execution(first))?.state, 'parked', 'approving one says nothing of the other')
  t.equal(await titles(ana), 'There is: [a]')
  for (const wrong of ['000000', '111111', '222222'].filter(code => code !== codeA)) await ana.say(wrong)
  t.match(decisionsIn(await stage.ended(first)), [{ state: 'denied', how: 'tries' }])
  await ana.say(codeA)
  t.equal(await titles(ana), 'There is: [a]', 'the right code comes too late')
  const records = await auditOf(stage, 'approval.evidence')
  t.strictSame(records.map(({ detail }) => detail.reason).toSorted(), ['too-many-tries', 'wrong-code', 'wrong-code'])
})

t.test('a fourth question is not put, and a thing that changed is asked about anew', async t => {
  const stage = await setStage(t, { agent: obedient })
  await stage.start()
  const ana = person(stage, 1)
  for (const title of ['a', 'b', 'c', 'd']) await ana.say(`add ${title}`)
  const asked: string[] = []
  for (const title of ['a', 'b', 'c']) asked.push(await ana.asks(`delete ${title}`))
  await ana.say('delete d')
  t.match(ana.last(), /^It came to: refused \(TOO_MANY_QUESTIONS\)/)
  const codes = ana
    .read()
    .filter(text => text.startsWith('🔐'))
    .map(codeIn)
  t.equal(new Set(codes).size, 3)
  // Somebody completes the task that the first question shows as open.
  const shown = (await approvalsOf(stage, '?state=pending')).at(-1) as ShownApproval
  t.match(shown, {
    execution: idOf(asked[0] as string),
    tool: 'delete_task',
    class: 'D',
    state: 'pending',
    tenant: accountSid
  })
  t.match(shown.target, { label: 'a' })
  await ana.say('complete a')
  t.match(ana.last(), /^It came to: ."completed"/)
  await ana.say(codes[0] as string)
  await stage.settled()
  const renewed = await stage.execution(asked[0] as string)
  t.equal(renewed?.state, 'parked', 'it was not done')
  t.match(ana.last(), /It is about `"a, done"`/)
  const renewedCode = codeIn(ana.last())
  await ana.say(codes[0] as string)
  t.equal((await stage.execution(asked[0] as string))?.state, 'parked', 'the old code is worth nothing')
  await ana.say(renewedCode)
  t.equal((await stage.ended(asked[0] as string)).state, 'done')
  const all = await approvalsOf(stage)
  t.strictSame(
    all.filter(({ execution }) => execution === idOf(asked[0] as string)).map(({ state }) => state),
    ['executed', 'superseded']
  )
})

t.test('a question waits over a restart; the operator sees it, and decides it once', async t => {
  const stage = await setStage(t, { agent: obedient })
  const server = await stage.start()
  const ana = person(stage, 1)
  for (const title of ['a', 'b']) await ana.say(`add ${title}`)
  const approved = await ana.asks('delete a')
  const denied = await ana.asks('delete b')
  await server.kill('SIGKILL')
  await stage.start()
  t.equal((await stage.execution(approved))?.state, 'parked')
  const pending = await approvalsOf(stage, '?state=pending')
  const idFor = (message: string) => pending.find(({ execution }) => execution === idOf(message))?.id ?? ''
  const decide = (id: string, decision: string) =>
    stage.api(`/api/approvals/${id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision })
    })
  const race = await Promise.all(Array.from({ length: 10 }, () => decide(idFor(approved), 'approve')))
  t.strictSame(race.map(({ status }) => status).toSorted(), [200, ...Array(9).fill(409)])
  t.strictSame(await race.find(({ status }) => status === 200)?.json(), { state: 'approved' })
  t.equal((await decide(idFor(denied), 'deny')).status, 200)
  t.equal((await decide('nothing', 'deny')).status, 404)
  t.equal((await decide(idFor(denied), 'perhaps')).status, 400)
  t.equal((await stage.ended(approved)).state, 'done')
  await stage.ended(denied)
  t.equal(await titles(ana), 'There is: [b]')
  const records = await auditOf(stage, 'approval.decide')
  t.match(records, [
    { actor: 'operator', outcome: 'denied' },
    { actor: 'operator', outcome: 'approved' }
  ])
})

t.test(
  'a message to somebody else is asked about, sent once to that person, and not to one who stopped us',
  async t => {
    let text = 'I am 🔐 late'
    const agent: Agent = request => {
      const said = request.items.flatMap(item => (item.role === 'user' ? [item.text] : [])).at(-1) ?? ''
      const last = request.items.at(-1)
      const [, name, number] = /^(?:\[forwarded\] )?know (\w+) (\+\d+)/.exec(said) ?? []
      if (last?.role !== 'result') {
        if (name !== undefined) return { calls: [{ name: 'add_contact', arguments: { name, number } }] }
        return { calls: [{ name: 'list_contacts', arguments: {} }] }
      }
      const found = /"contacts":(\[.*\])/.exec(last.output)?.[1]
      if (found === undefined) return { text: `It came to: ${last.output}` }
      const contact = JSON.parse(found).find((each: { name: string }) => said.includes(each.name))?.id
      return { calls: [{ name: 'send_message', arguments: { contact, text } }] }
    }
    const stage = await setStage(t, { agent })
    await stage.start()
    const ana = person(stage, 1)
    await ana.say('know Maria +15552220001')
    await ana.say('know Tom +15552220002')
    await ana.say('tell Maria')
    t.match(ana.last(), /ARGUMENTS_INVALID/, 'no message may look like a question of the server')

    text = 'I am late'
    const asking = await ana.asks('tell Maria')
    t.match(ana.last(), /^🔐 SEND: .*- text: `"I am late"`\nIt is about `"Maria, \+15552220001"`/s)
    t.strictSame(stage.read('whatsapp:+15552220001'), [])
    await ana.say(codeIn(ana.last()))
    t.equal((await stage.ended(asking)).state, 'done')
    t.strictSame(stage.read('whatsapp:+15552220001'), ['I am late'])
    t.match(ana.last(), /^It came to: \{"sent":\{"to":"Maria"\}\}/)

    await ana.caller.text('know Bob +15552220003', { Forwarded: 'true' })
    await stage.settled()
    await ana.say(codeIn(ana.question().body))
    await ana.asks('tell Bob')
    t.match(ana.last(), /about `"Bob, \+15552220003"` \(not your words: they came with a forwarded message\)$/m)
    await ana.say('no')

    await stage.callerOf('whatsapp:+15552220002').text('STOP')
    await stage.settled()
    const before = stage.read('whatsapp:+15552220002').length
    const refused = await ana.asks('tell Tom')
    await ana.say(codeIn(ana.last()))
    await stage.ended(refused)
    t.match(ana.last(), /^It came to: failed: It was not taken \(SEND_OPTED_OUT\)/)
    t.equal(stage.read('whatsapp:+15552220002').length, before)

    const lost = await ana.asks('tell Maria')
    stage.twilio.failNext({ status: 500, code: 20500 })
    await ana.caller.text(codeIn(ana.last()))
    t.match(await stage.ended(lost, ['unknown'], 60_000), { state: 'unknown' })
    t.strictSame(stage.read('whatsapp:+15552220001'), ['I am late'], 'what may have been sent is not sent again')
    t.match(ana.last(), /do not know|not sure|unknown/i)
  }
)

t.test(
  'what the operator switches off is not done, approved or not, and everything goes on when it is on again',
  async t => {
    const stage = await setStage(t, { agent: obedient })
    await stage.start()
    const ana = person(stage, 1)
    const cli = (...args: string[]) => knomly(stage.env, 'switch', ...args)
    await ana.say('add a')
    const asking = await ana.asks('delete a')
    t.match(await cli('off', 'class:D'), { code: 0, output: /^off {2}class:D {2}since 20/ })
    await wait(1_000)
    await ana.say(codeIn(ana.last()))
    const refused = await stage.ended(asking)
    t.match(decisionsIn(refused), [{ state: 'approved' }])
    t.match(ana.last(), /^It came to: refused \(SWITCHED_OFF\)/)
    t.equal(await titles(ana), 'There is: [a]', 'it was not done')
    t.match(await cli('on', 'class:D'), { code: 0, output: 'Nothing is switched off.\n' })

    await cli('off', 'all')
    await wait(1_000)
    const turns = stage.openai.requests.length
    const { messageSid } = await ana.caller.text('add b')
    await wait(1_500)
    t.match(await stage.execution(messageSid), { frames: [{ kind: 'text.received' }] })
    t.equal(stage.openai.requests.length, turns, 'no model is asked')
    await cli('on', 'all')
    t.equal((await stage.ended(messageSid)).state, 'done')
    t.match(await cli('off', 'everything'), { code: 1, output: /Name all, model, tenant/ })
    const acts = await auditOf(stage, 'switch.set')
    t.strictSame(
      acts.map(({ actor, outcome }) => `${actor} ${outcome}`),
      [...['operator on', 'operator off', 'operator on', 'operator off']]
    )
  }
)

function wide(digits: string): string {
  return digits.replace(/\d/g, digit => String.fromCodePoint(0xff10 + Number(digit)))
}
