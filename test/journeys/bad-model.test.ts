import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createResponder } from '../../src/providers/openai.ts'
import type { AgentRequest, Turn } from '../../src/simulator/agent-script.ts'
import { demoAgent } from '../../src/simulator/scenarios.ts'
import { type Shown, setStage, voice } from '../stage.ts'
import { startMovable } from './movable-time.ts'

const note = voice('p01-request')
const garbled =
  'I could not do this, because the language service gave an answer that makes no sense. Please try again.'
const refused = 'I could not do this, because a service that I need refused. My operator has been told.'
const tooManySteps = 'I could not do this, because it needed too many steps. Please ask for less at once.'
const delayed =
  'I have your message. A service that I need is slow to answer; I keep trying and will tell you how it ends.'

/** One thing that a person writes and the answers that the model's server gives to it, the last one for ever. */
interface Case {
  readonly answers: readonly ((response: ServerResponse) => void)[]
  readonly reads: string | RegExp
  readonly fails?: string
  readonly tries?: readonly string[]
}

const cases: Readonly<Record<string, Case>> = {
  'half a JSON document': { answers: [raw('{"id":"half-an-ans')], reads: garbled, ...garbledFiveTimes() },
  'a web page': { answers: [raw('<html>502</html>', 'text/html')], reads: garbled, ...garbledFiveTimes() },
  'JSON that is no answer': { answers: [raw('{"output":"none"}')], reads: garbled, ...garbledFiveTimes() },
  'an empty text': { answers: [say('')], reads: garbled, ...garbledFiveTimes() },
  'nothing but invisible characters': { answers: [say('\u0000\u200b\u202e')], reads: garbled, ...garbledFiveTimes() },
  'garbage once': { answers: [raw('no JSON'), say('It is done.')], reads: 'It is done.', tries: ['PROVIDER_GARBLED'] },
  'control characters': {
    answers: [say('one\u0007\u0000 \u202etwo\u202c\r\n\u2066three\u2069\tfour\ud800\u001b[31m')],
    reads: 'one two\nthree four\ufffd[31m'
  },
  'a flat refusal': {
    answers: [fail(400, { code: 'unsupported_parameter' })],
    reads: refused,
    fails: 'PROVIDER_REFUSED'
  },
  'a wrong key': { answers: [fail(401, { code: 'invalid_api_key' })], reads: refused, fails: 'PROVIDER_REFUSED' },
  'an empty account': {
    answers: [fail(429, { code: 'insufficient_quota' })],
    reads: refused,
    fails: 'PROVIDER_REFUSED'
  },
  'words that the service will not take': {
    answers: [fail(400, { code: 'content_policy_violation' })],
    reads: 'I could not do this, because the language service would not take the message. Please put it differently.',
    fails: 'PROVIDER_CONTENT_REFUSED'
  },
  'a busy service': {
    answers: [fail(429, { code: 'rate_limit_exceeded' }, '1'), say('Now there is time.')],
    reads: 'Now there is time.'
  },
  'a broken service': {
    answers: [fail(500, {}), fail(502, {}), fail(503, {}), say('It works again.')],
    reads: 'It works again.',
    tries: ['PROVIDER_UNAVAILABLE']
  },
  'a cut line': {
    answers: [response => response.destroy(), say('It is mended.')],
    reads: 'It is mended.'
  }
}

t.test('whatever a model answers, the person reads one plain sentence and the frames say why', async t => {
  const asked = new Map<string, number>()
  const url = await serve(t, (wish, response) => {
    const { answers } = cases[wish] as Case
    const count = asked.get(wish) ?? 0
    asked.set(wish, count + 1)
    answers[Math.min(count, answers.length - 1)]?.(response)
  })
  const stage = await setStage(t, { agent: demoAgent, env: { OPENAI_BASE_URL: `${url}/v1` } })
  await stage.start()
  const sent = await Promise.all(
    Object.entries(cases).map(async ([title, each], i) => {
      const { messageSid } = await stage.callerOf(address(i)).text(title)
      return { title, each, i, messageSid }
    })
  )
  await stage.settled(60_000)
  for (const { title, each, i, messageSid } of sent) {
    const { frames, state } = (await stage.execution(messageSid)) as Shown
    t.strictSame(stage.read(address(i)).length, 1, `${title}: one answer`)
    if (typeof each.reads === 'string') t.equal(stage.read(address(i))[0], each.reads, `${title}: in plain words`)
    else t.match(stage.read(address(i))[0], each.reads, `${title}: in plain words`)
    t.equal(state, each.fails === undefined ? 'done' : 'dead', `${title}: its state`)
    t.equal(frames.find(({ kind }) => kind === 'work.failed')?.data.code, each.fails, `${title}: its code`)
    const tries = frames.filter(({ kind }) => kind === 'attempt.failed').map(({ data }) => data.code)
    t.strictSame(tries, each.tries ?? [], `${title}: its tries`)
  }
  t.equal(await stage.metric('knomly_alerts_total', { code: 'PROVIDER_REFUSED' }), 3, 'the operator is told of three')
  t.equal(await stage.metric('knomly_alerts_total'), 3)
  t.equal(await stage.metric('knomly_attempts_failed_total', { step: 'think', code: 'PROVIDER_GARBLED' }), 5 * 4 + 1)
  t.equal(await stage.metric('knomly_provider_calls_total', { outcome: 'PROVIDER_GARBLED' }), 3 * 5 + 1)
  t.equal(asked.get('a wrong key'), 1, 'what will not change is asked once')
})

t.test('tools that a model asks for wrongly, too often or without leave are bounded and told', async t => {
  const turns = new Map<string, number>()
  const agent = (request: AgentRequest): Turn => {
    const wish = lastWish(request)
    turns.set(wish, (turns.get(wish) ?? 0) + 1)
    return wish.startsWith('script:') ? scripted(wish, request) : demoAgent(request)
  }
  const stage = await setStage(t, { agent, env: { MAX_TOOL_CALLS: '4' } })
  await stage.start()
  const say = async (i: number, text: string) => (await stage.callerOf(address(i)).text(text)).messageSid
  const created = await say(9, 'Remind me to water the plants')
  await stage.settled()
  const wishes = ['unknown', 'schema', 'no JSON', 'poison', 'endless', 'greedy', 'in order'] as const
  const sids = await Promise.all(wishes.map((wish, i) => say(i, `script: ${wish}`)))
  const deleting = await say(9, 'Delete the plants task')
  await stage.settled()
  await say(9, 'No.')
  await stage.settled()
  const frames = await Promise.all(sids.map(async sid => ((await stage.execution(sid)) as Shown).frames))
  const outcomes = frames.map(list => list.filter(({ kind }) => kind === 'tool.finished').map(({ data }) => data.code))
  const read = wishes.map((_, i) => stage.read(address(i)))

  t.strictSame(outcomes.slice(0, 4), [
    ['TOOL_UNKNOWN'],
    ['ARGUMENTS_INVALID'],
    ['ARGUMENTS_INVALID'],
    ['ARGUMENTS_INVALID']
  ])
  for (const [i, code] of ['TOOL_UNKNOWN', 'ARGUMENTS_INVALID', 'ARGUMENTS_INVALID', 'ARGUMENTS_INVALID'].entries()) {
    t.match(read[i], [new RegExp(`^The tool said: refused \\(${code}\\)`)], 'the model is told, and tells the person')
  }
  t.strictSame(read[4], [tooManySteps], 'an endless loop is ended')
  t.equal(frames[4]?.filter(({ kind }) => kind === 'tool.started').length, 4, 'after as many calls as are allowed')
  t.equal(turns.get('script: endless'), 5)
  t.strictSame(outcomes[5], [null, null, null, null, ...Array(16).fill('TOO_MANY_CALLS')])
  t.strictSame(read[5], ['That is all.'], 'twenty calls at once are worked as far as the bound goes')

  const steps = frames[6]?.filter(({ kind }) => kind.startsWith('tool.')).map(({ kind, data }) => [kind, data.call])
  t.strictSame(steps, [
    ['tool.requested', undefined],
    ...['a', 'b', 'c'].flatMap(call => [
      ['tool.started', call],
      ['tool.finished', call]
    ])
  ])
  t.strictSame(read[6], ['On the list: third, second, first'])

  const done = (await stage.execution(deleting)) as Shown
  t.strictSame(
    done.frames.filter(({ kind }) => kind === 'tool.finished').map(({ data }) => [data.tool, data.outcome, data.code]),
    [
      ['list_tasks', 'done', null],
      ['delete_task', 'refused', 'APPROVAL_DENIED']
    ]
  )
  t.notOk(done.frames.some(({ kind, data }) => kind === 'tool.started' && data.tool === 'delete_task'))
  t.match(stage.read(address(9))[2], /^I could not do that: The person refused/)
  await say(9, 'What is on my list?')
  await stage.settled()
  t.equal(stage.read(address(9))[3], 'On your list: Water the plants.', 'the task is still there')
  t.equal(((await stage.execution(created)) as Shown).state, 'done')
  t.strictSame(stage.openai.surprises, [])
})

t.test('a long answer comes in parts, in order and whole up to its bound', async t => {
  const words = Array.from({ length: 3_600 }, (_, i) => `w${i}`)
  const short = words.slice(0, 900).join(' ')
  const long = words.join(' ')
  t.ok(long.length > 20_000)
  const stage = await setStage(t, {
    agent: request => ({ text: lastWish(request) === 'short' ? short : `${'👩‍👩‍👧‍👦'.repeat(400)} ${long}` })
  })
  await stage.start()
  await stage.callerOf(address(0)).text('short')
  await stage.callerOf(address(1)).text('long')
  await stage.settled()
  t.equal(stage.read(address(0)).join(' '), short)
  const parts = stage.read(address(1))
  t.ok(parts.every(part => part.length <= 1_500 && part.isWellFormed()))
  t.equal(parts.length, 9)
  const whole = parts.join(' ').replace(/👩‍👩‍👧‍👦| /gu, '')
  t.ok(`${words.join('')}`.startsWith(whole.replace(/\s*\(Therestwastoolongtosend\.\)$/, '')))
  t.match(parts.at(-1), /\n\n\(The rest was too long to send\.\)$/)
  t.equal(stage.twilio.attempts.filter(attempt => attempt.sid === null).length, 0, 'Twilio refused none of them')
})

t.test('the next provider of PROVIDERS_FILE answers where the first one cannot', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: { defaultTranscript: note.text } })
  const broken = await serve(t, (_wish, response) => fail(400, { code: 'model_not_found' })(response))
  const file = join(stage.dataDir, 'providers.json')
  const spare = { baseUrl: stage.openai.baseUrl, keyVariable: 'SPARE_KEY' }
  const first = { baseUrl: `${broken}/v1`, model: 'first', keyVariable: 'FIRST_KEY' }
  writeFileSync(
    file,
    JSON.stringify({
      transcribe: [first, { ...spare, model: 'spare-ears' }],
      respond: [
        { ...first, api: 'chat' },
        { ...spare, model: 'spare-mind', api: 'chat' }
      ]
    })
  )
  await stage.start({ PROVIDERS_FILE: file, SPARE_KEY: 'sk-test', FIRST_KEY: 'sk-first' })
  const { messageSid } = await stage.caller.voiceNote({ bytes: note.bytes })
  const { frames } = await stage.ended(messageSid)
  const models = frames.map(({ data }) => data.model ?? (data.turn as { model?: string } | null)?.model).filter(Boolean)
  t.strictSame(models, ['spare-ears', 'spare-mind', 'spare-mind'])
  t.match(stage.twilio.messages[0]?.body, /^I heard: .*plumber/s)
  t.equal(await stage.metric('knomly_provider_calls_total', { outcome: 'PROVIDER_REFUSED' }), 3)
  t.equal(await stage.metric('knomly_alerts_total'), 0, 'the person was answered')
})

t.test('a server that only speaks Chat Completions does as well', async t => {
  const stage = await setStage(t, { agent: demoAgent, openai: { defaultTranscript: note.text } })
  await stage.start({ AGENT_API: 'chat' })
  await stage.caller.voiceNote({ bytes: note.bytes })
  await stage.settled()
  t.match(stage.twilio.messages[0]?.body, /^I heard: .*\n\nI put "Call the plumber" on your list/s)
  t.match(stage.openai.calls, { responses: 0, chat: 2, transcription: 1 })
})

t.test(
  'an outage is told once after a minute, waited out for a quarter of an hour, and then told to be over',
  async t => {
    const healthy = new Set<string>()
    const url = await serve(t, (wish, response) => {
      if (healthy.has(wish)) return say('Here I am.')(response)
      if (wish === 'hang') return
      if (wish === 'later') return fail(429, { code: 'rate_limit_exceeded' }, '3600')(response)
      if (wish === 'soon') return fail(429, { code: 'rate_limit_exceeded' }, '40')(response)
      fail(503, {}, '11')(response)
    })
    const stage = await setStage(t, { agent: demoAgent, env: { OPENAI_BASE_URL: `${url}/v1` } })
    const server = await startMovable(t, stage, {
      wrap: (ports, clock) => {
        const server = { name: 'stand-in', model: 'm', baseUrl: `${url}/v1`, apiKey: 'sk-test' }
        const respond = createResponder({ ...server, timeoutMs: 300, api: 'responses', observe: () => {}, clock })
        return { ...ports, provider: { ...ports.provider, ...respond } }
      }
    })
    const wishes = ['down', 'back', 'hang', 'later', 'soon']
    const sids = await Promise.all(wishes.map(async (w, i) => (await stage.callerOf(address(i)).text(w)).messageSid))
    const read = () => wishes.map((_, i) => stage.read(address(i)))
    const unavailable = 'I could not do this, because a service that I need is not answering. Please try again later.'
    await server.advance(30_000)
    t.strictSame(read(), [[], [], [], [unavailable], []], 'nobody waits for what is an hour away')
    healthy.add('soon')
    await server.advance(15_000)
    t.strictSame(read()[4], ['Here I am.'], 'what asked for forty seconds is asked again after them')
    for (let minute = 0; minute < 4; minute++) await server.advance(60_000)
    t.strictSame(read().slice(0, 3), [[delayed], [delayed], [delayed]], 'one notice each')
    healthy.add('back')
    await server.advanceUntilSettled(60_000)
    t.strictSame(read(), [
      [delayed, unavailable],
      [delayed, 'Here I am.'],
      [delayed, unavailable],
      [unavailable],
      ['Here I am.']
    ])
    const states = await Promise.all(sids.map(async sid => ((await stage.execution(sid)) as Shown).state))
    t.strictSame(states, ['dead', 'done', 'dead', 'dead', 'done'])
  }
)

function scripted(wish: string, { items, toolNames }: AgentRequest): Turn {
  const last = items.at(-1)
  const result = last?.role === 'result' ? last.output : null
  const create = (id: string, title: string) => ({ id, name: 'create_task', arguments: { title, due: null } })
  if (wish === 'script: endless') return { calls: [{ name: 'list_tasks', arguments: {} }] }
  if (wish === 'script: greedy') {
    if (result !== null) return { text: 'That is all.' }
    return { calls: Array.from({ length: 20 }, () => ({ name: 'list_tasks', arguments: {} })) }
  }
  if (wish === 'script: in order') {
    if (result === null) return { calls: [create('a', 'first'), create('b', 'second'), create('c', 'third')] }
    const titles = items.flatMap(item => (item.role === 'result' ? /"title":"(\w+)"/.exec(item.output)?.[1] : []))
    return { text: `On the list: ${titles.toReversed().join(', ')}` }
  }
  if (result !== null) return { text: `The tool said: ${result}` }
  const wrong: Record<string, NonNullable<Turn['calls']>[number]> = {
    'script: unknown': { name: 'wire_money', arguments: { amount: 5 } },
    'script: schema': { name: 'create_task', arguments: { title: 7, extra: true } },
    'script: no JSON': { name: 'create_task', arguments: 'title=milk' },
    'script: poison': { name: 'create_task', arguments: '{"title":"milk","__proto__":{"admin":true}}' }
  }
  const call = wrong[wish]
  if (call === undefined || toolNames.length === 0) throw new Error(`nobody wrote a script for ${wish}`)
  return { calls: [call] }
}

function garbledFiveTimes() {
  return { fails: 'PROVIDER_GARBLED', tries: Array<string>(4).fill('PROVIDER_GARBLED') }
}

function raw(body: string, type = 'application/json') {
  return (response: ServerResponse) => void response.writeHead(200, { 'content-type': type }).end(body)
}

function say(text: string) {
  const content = [{ type: 'output_text', text, annotations: [] }]
  const output = [{ type: 'message', role: 'assistant', status: 'completed', id: 'msg_1', content }]
  return raw(JSON.stringify({ id: 'resp_1', object: 'response', status: 'completed', output }))
}

function fail(status: number, error: object, retryAfter?: string) {
  return (response: ServerResponse) => {
    if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { message: 'The stand-in fails.', type: null, param: null, ...error } }))
  }
}

/** A server that answers each request by the words of the person that it is about. */
async function serve(t: Test, answer: (wish: string, response: ServerResponse) => void): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    answer(/"role":"user","content":"([^"]*)"[^{}]*\}\]/.exec(Buffer.concat(chunks).toString())?.[1] ?? '', response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

function lastWish({ items }: AgentRequest): string {
  const item = items.findLast(each => each.role === 'user')
  return item !== undefined && 'text' in item ? item.text : ''
}

function address(i: number): string {
  return `whatsapp:+1555020${1_000 + i}`
}
