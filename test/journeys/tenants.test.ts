import t from 'tap'
import type { Agent } from '../../src/simulator/agent-script.ts'
import { runHere } from '../commands.ts'
import { randomFrom } from '../random.ts'
import { person, type Shown, type Stage, until, voice } from '../stage.ts'
import { startMovable } from './movable-time.ts'
import { setTwoAccounts, type Tenant } from './two-accounts.ts'

const note = voice('p01-request')

/** An agent that adds, lists and deletes tasks as it is told, and otherwise repeats what it heard. */
const obedient: Agent = ({ items }) => {
  const said = items.flatMap(item => (item.role === 'user' ? [item.text] : [])).at(-1) ?? ''
  const last = items.at(-1)
  const [, verb = '', title = ''] = /^(add|list|delete) ?(.*)/s.exec(said) ?? []
  if (last?.role !== 'result') {
    if (verb === 'add') return { calls: [{ name: 'create_task', arguments: { title, due: null } }] }
    if (verb !== '') return { calls: [{ name: 'list_tasks', arguments: { done: null } }] }
    return { text: `You said: ${said}` }
  }
  const { tasks } = /^\{"tasks"/.test(last.output) ? JSON.parse(last.output) : {}
  const found = tasks?.find((task: { title: string }) => task.title === title)
  if (verb === 'delete' && found !== undefined) return { calls: [{ name: 'delete_task', arguments: { id: found.id } }] }
  return { text: `It came to: ${last.output}` }
}

type Conversation = { id: string; tenant: string; executions: { id: string }[] }

async function conversationsOf(stage: Stage): Promise<Conversation[]> {
  const response = await stage.api('/api/conversations')
  return ((await response.json()) as { conversations: Conversation[] }).conversations
}

const sidsOf = ({ messages }: Tenant['twilio']) => messages.map(({ sid }) => sid)

t.test('a person of two accounts is two people, and each is answered by the right account', async t => {
  const { stage, alpha, beta } = await setTwoAccounts(t, { agent: obedient, openai: { defaultTranscript: 'a word' } })
  await stage.start()
  const [asA, asB] = [alpha.callerOf(person), beta.callerOf(person)]
  await asA.text('add the secret of alpha')
  await stage.settled()
  await asB.text('list')
  await stage.settled()
  t.match(beta.read(person), [/"tasks":\[\]/])
  await asB.text('add the secret of beta')
  await asB.voiceNote({ bytes: note.bytes })
  await stage.settled()
  await asA.text('list')
  await stage.settled()
  t.match(alpha.read(person).at(-1), /the secret of alpha/)
  t.notMatch(alpha.read(person).join(), /beta/)
  t.match(beta.read(person).at(-1), /You said: .*a word/)
  t.ok(alpha.twilio.messages.every(({ from }) => from === alpha.sender))
  t.ok(beta.twilio.messages.every(({ from }) => from === beta.sender))
  t.notOk(
    [...alpha.twilio.requests, ...beta.twilio.requests].some(({ answered }) => answered === 401),
    'nobody came with the credentials of another'
  )
  t.equal(alpha.twilio.mediaRequests.length, 0)
  t.equal(beta.twilio.mediaRequests.length, 2, 'the API and where it sends us')

  for (const { body } of stage.openai.requests) {
    const text = JSON.stringify(body)
    t.notOk(text.includes('alpha') && text.includes('beta'), 'no model is shown both')
  }
  const conversations = await conversationsOf(stage)
  t.strictSame(new Set(conversations.map(each => each.tenant)), new Set([alpha.sid, beta.sid]))
  t.equal(new Set(conversations.map(each => each.id)).size, 2)
})

t.test('an account signs for itself alone, and says nothing about what another one sent', async t => {
  const { stage, alpha, beta } = await setTwoAccounts(t, { agent: obedient })
  alpha.twilio.planCallbacks('off')
  beta.twilio.planCallbacks('off')
  await stage.start()
  const [asA, asB] = [alpha.callerOf(person), beta.callerOf(person)]
  const stranger = { ...alpha.callerOf(person).textParams('x'), AccountSid: `AC${'9'.repeat(32)}` }
  const forged = [
    await asA.raw(asB.textParams('in the name of beta')),
    await asB.raw(asA.textParams('in the name of alpha')),
    await asA.raw(stranger),
    // Signed by its own account, and addressed to the number of the other.
    await asA.raw({ ...asA.textParams('to beta'), To: beta.sender })
  ]
  t.strictSame(
    forged.map(({ status, body }) => [status, body]),
    Array(4).fill([403, ''])
  )
  const { messageSid } = await asB.text('hello')
  await stage.settled()
  t.equal(alpha.twilio.messages.length, 0)
  t.strictSame(beta.read(person), ['You said: hello'])

  const id = `messaging:${beta.sid}:${messageSid}`
  const kinds = async () => {
    const { frames } = (await (await stage.api(`/api/executions/${id}`)).json()) as Shown
    return frames.map(({ kind }) => kind)
  }
  const before = await kinds()
  const [sent] = beta.twilio.messages
  const path = new URL(sent?.statusCallback ?? '').pathname + new URL(sent?.statusCallback ?? '').search
  const callback = (AccountSid: string, more = {}) => ({
    ...{ MessageSid: sent?.sid ?? '', MessageStatus: 'failed', ErrorCode: '21610', AccountSid, ...more }
  })
  t.equal((await asA.raw(callback(alpha.sid), { path })).status, 204, 'by the id of the send and by the message')
  t.equal((await asA.raw(callback(alpha.sid, { MessageSid: `SM${'0'.repeat(32)}` }), { path })).status, 204)
  t.equal((await asA.raw(callback(beta.sid), { path })).status, 403)
  t.strictSame(await kinds(), before)
  await asB.text('still there?')
  await stage.settled()
  t.equal(beta.read(person).length, 2, 'nor did it stop the conversation')
  t.equal((await asB.raw(callback(beta.sid), { path })).status, 204)
  await until(async () => (await kinds()).includes('reply.failed'))
})

t.test('commands speak for the account that is named', async t => {
  const { stage, alpha, beta } = await setTwoAccounts(t, { agent: obedient })
  await stage.start()
  const sent = await runHere(stage.env, 'send', 'hello', '--account', beta.sid)
  t.equal(sent.code, 0, sent.output)
  t.match(beta.read(person), ['You said: hello'])
  t.equal(alpha.twilio.messages.length, 0)
  const [, sid = ''] = /: (SM\w{32})/.exec(sent.output) ?? []
  t.equal((await runHere(stage.env, 'timeline', sid, '--account', beta.sid)).code, 0)
  t.equal((await runHere(stage.env, 'timeline', sid)).code, 1)
  t.match((await runHere(stage.env, 'curl', 'hello', '--account', beta.sid)).output, `AccountSid=${beta.sid}`)
  t.match((await runHere(stage.env, 'curl', 'hello')).output, `AccountSid=${alpha.sid}`)
  const unknown = await runHere(stage.env, 'curl', 'hello', '--account', `AC${'9'.repeat(32)}`)
  t.match(unknown, { code: 1, output: /--account takes the SID of a configured account/ })
  const looked = await runHere(stage.env, 'doctor')
  t.equal(looked.code, 0, looked.output)
  for (const { sid } of [alpha, beta]) t.equal(looked.output.split(sid).length - 1, 2, 'its signature and its API')
  const wrong = await runHere({ ...stage.env, BETA_SECRET: 'not-the-secret-of-beta' }, 'doctor')
  t.match(wrong, { code: 1, output: new RegExp(`refuses the credentials[^→]*${beta.sid.slice(0, 8)}`, 's') })
})

t.test('voice notes are deleted at Twilio for the account that wants it, and a failure touches nobody', async t => {
  const { stage, alpha, beta } = await setTwoAccounts(t, {
    agent: obedient,
    openai: { defaultTranscript: 'a word' },
    second: { deleteAtTwilio: true }
  })
  const server = await stage.start()
  beta.twilio.failNext({ on: 'media-delete', status: 503 })
  await alpha.callerOf(person).voiceNote({ bytes: note.bytes })
  const { messageSid } = await beta.callerOf(person).voiceNote({ bytes: note.bytes })
  await stage.settled()
  const deletions = () => beta.twilio.requests.filter(({ method }) => method === 'DELETE')
  await until(() => deletions().length === 1, 15_000)
  await until(() => /"step":"delete-media","code":"MEDIA_NOT_DELETED","cause":"status-503"/.test(server.output()))
  t.match(beta.read(person), [/a word/], 'it was answered all the same')
  // It is killed between its tries, and the next process goes on.
  await server.kill('SIGKILL')
  await stage.start()
  await until(() => deletions().length === 2, 25_000)
  const told = async () => {
    const response = await stage.api('/api/audit?action=media.delete')
    return ((await response.json()) as { records: { outcome: string | null; execution: string }[] }).records
  }
  await until(async () => (await told()).length === 2)
  const records = await told()
  t.strictSame(new Set(records.map(({ outcome }) => outcome)), new Set([null, 'done']))
  t.equal(records[0]?.execution, `messaging:${beta.sid}:${messageSid}`)
  t.strictSame(
    deletions().map(({ answered, url }) => [answered, url.includes(`/Messages/${messageSid}/Media/ME`)]),
    [
      [503, true],
      [204, true]
    ]
  )
  t.notOk(alpha.twilio.requests.some(({ method }) => method === 'DELETE'))
})

t.test('nothing of one tenant reaches the other, whatever fails', async t => {
  const { stage, alpha, beta } = await setTwoAccounts(t, {
    agent: obedient,
    openai: { defaultTranscript: 'heard', keepBodies: 2_000 }
  })
  const server = await startMovable(t, stage)
  const random = randomFrom(29)
  const people = [alpha, beta].flatMap((tenant, i) =>
    [1, 2, 3].map(n => {
      const from = `whatsapp:+1555000000${n}`
      return { tenant, from, tag: `tag-${i}-${n}`, caller: tenant.callerOf(from) }
    })
  )
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T
  for (let round = 0; round < 6; round++) {
    if (random() < 0.5) stage.openai.failNext({ status: pick([429, 500, 503]), retryAfter: 0 })
    if (random() < 0.3) stage.openai.failNext({ garbage: true })
    if (random() < 0.5) pick([alpha, beta]).twilio.failNext({ status: pick([429, 500]), afterTaking: random() < 0.5 })
    const turns = people.flatMap(each => [each, ...(random() < 0.3 ? [each] : [])])
    await Promise.all(
      turns.map(({ caller, tag }) => {
        const words = pick(['add ', 'list ', 'delete ', 'tell me about '])
        return random() < 0.2 ? caller.voiceNote({ bytes: note.bytes }, `add ${tag}`) : caller.text(`${words}${tag}`)
      })
    )
    await server.advanceUntilSettled(10_000)
  }
  const tagsIn = (text: string) => new Set(text.match(/tag-\d-\d/g) ?? [])
  const turns = stage.openai.requests.filter(({ kind }) => kind === 'responses')
  t.ok(turns.length > 50)
  t.strictSame(
    turns.filter(({ body }) => tagsIn(JSON.stringify(body)).size > 1),
    [],
    'no request to a model holds the words of two'
  )
  for (const { tenant, from, tag } of people) {
    const told = tenant.read(from).join('\n')
    t.strictSame(tagsIn(told), new Set([tag]), 'and no answer')
  }
  t.strictSame(new Set(sidsOf(alpha.twilio)).intersection(new Set(sidsOf(beta.twilio))), new Set())
  const conversations = await conversationsOf(stage)
  t.equal(conversations.length, people.length)
  for (const { executions, tenant } of conversations) {
    const shown = await Promise.all(executions.map(async ({ id }) => (await stage.api(`/api/executions/${id}`)).text()))
    t.equal(tagsIn(shown.join()).size, 1, 'and no frame')
    t.notOk(shown.join().includes(tenant === alpha.sid ? beta.sid : alpha.sid))
  }
})
