import { createHash } from 'node:crypto'
import OpenAI, { toFile } from 'openai'
import t, { type Test } from 'tap'
import { type AgentRequest, scriptedAgent } from '../../src/simulator/agent-script.ts'
import { type OpenAIOptions, startOpenAI } from '../../src/simulator/openai.ts'

const model = 'a-model'
const voice = Buffer.from('OggS and what follows')
const transcripts = new Map([[createHash('sha256').update(voice).digest('hex'), 'Call the plumber.']])
const parameters = {
  type: 'object',
  properties: { title: { type: 'string' } },
  required: ['title'],
  additionalProperties: false
}
const tool = { type: 'function', name: 'create_task', strict: true, parameters } as const
const chatTool = { type: 'function', function: { name: 'create_task', strict: true, parameters } } as const

t.test('audio is heard by its bytes, in every form that the SDK reads', async t => {
  const { openai, client } = await start(t, { transcripts })
  const file = await toFile(voice, 'voice.ogg', { type: 'audio/ogg' })
  const json = await client.audio.transcriptions.create({ file, model: 'gpt-4o-mini-transcribe' })
  t.match(json, { text: 'Call the plumber.', usage: { type: 'tokens' } })
  t.equal(
    await client.audio.transcriptions.create({ file, model: 'whisper-1', response_format: 'text' }),
    'Call the plumber.\n'
  )
  const verbose = await client.audio.transcriptions.create({
    file,
    model: 'whisper-1',
    response_format: 'verbose_json'
  })
  t.match(verbose, { text: 'Call the plumber.', language: 'english', duration: 1 })
  t.equal(openai.calls.transcription, 3)
  t.match(openai.requests[0], { kind: 'transcription', answered: 200, body: { name: 'voice.ogg', size: voice.length } })
  const wrong = { model: 'gpt-4o-transcribe', response_format: 'verbose_json' } as const
  t.match(await client.audio.transcriptions.create({ file, ...wrong }).catch(thrown), {
    status: 400,
    code: 'unsupported_value'
  })
  const opus = await toFile(voice, 'voice.opus')
  t.match(await client.audio.transcriptions.create({ file: opus, model }).catch(thrown), { status: 400 })
})

t.test('audio that nobody knows is a surprise, unless there is a default', async t => {
  const unknown = await toFile(Buffer.from('something else'), 'voice.ogg')
  const { openai, client } = await start(t, { transcripts })
  t.match(await client.audio.transcriptions.create({ file: unknown, model }).catch(thrown), { status: 500 })
  t.match(openai.surprises, [/^No transcript for audio/])
  t.equal(openai.calls.transcription, 1, 'the SDK does not retry it')
  const lenient = await start(t, { defaultTranscript: 'Hello.' })
  t.match(await lenient.client.audio.transcriptions.create({ file: unknown, model }), { text: 'Hello.' })
  const asked = await start(t, { transcripts: async ({ bytes, name }) => `${bytes} in ${name}` })
  t.match(await asked.client.audio.transcriptions.create({ file: unknown, model }), {
    text: 'something else in voice.ogg'
  })
})

t.test('a conversation over the Responses API calls a tool and ends in words', async t => {
  const seen: AgentRequest[] = []
  const script = scriptedAgent([
    request => {
      seen.push(request)
      return { calls: [{ name: 'create_task', arguments: { title: 'Milk' } }] }
    },
    request => {
      seen.push(request)
      return { text: 'Done.' }
    }
  ])
  const { openai, client } = await start(t, { agent: script })
  const instructions = 'You keep a list.'
  const first = await client.responses.create({ model, instructions, input: 'Add milk', tools: [tool], store: false })
  const [call] = first.output
  t.match(first, { status: 'completed', output_text: '', usage: { total_tokens: Number } })
  if (call?.type !== 'function_call') return t.fail('the first output is a call')
  t.match(call, { call_id: /^call_/, name: 'create_task', arguments: '{"title":"Milk"}' })
  t.throws(() => script.assertPlayed(), /2 steps; 1 were played/)

  const result = { type: 'function_call_output', call_id: call.call_id, output: 'created' } as const
  const second = await client.responses.create({
    model,
    instructions,
    input: [{ role: 'user', content: [{ type: 'input_text', text: 'Add milk' }] }, call, result],
    tools: [tool]
  })
  t.equal(second.output_text, 'Done.')
  script.assertPlayed()
  t.match(seen[1], {
    api: 'responses',
    model,
    instructions,
    toolNames: ['create_task'],
    items: [
      { role: 'user', text: 'Add milk' },
      { role: 'call', id: call.call_id, name: 'create_task', arguments: '{"title":"Milk"}' },
      { role: 'result', id: call.call_id, output: 'created' }
    ]
  })
  t.strictSame(openai.calls, { transcription: 0, responses: 2, chat: 0 })
})

t.test('the same conversation over Chat Completions shows the agent the same', async t => {
  const seen: AgentRequest[] = []
  const turns = [
    { text: 'One moment.', calls: [{ id: 'call_1', name: 'create_task', arguments: '{"title":"Milk"}' }] },
    { text: 'Done.' }
  ]
  const { client } = await start(t, {
    agent: request => {
      seen.push(request)
      return turns[seen.length - 1] ?? {}
    }
  })
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'system', content: 'You keep a list.' },
    { role: 'user', content: 'Add milk' }
  ]
  const first = await client.chat.completions.create({ model, messages, tools: [chatTool] })
  const [choice] = first.choices
  t.match(choice, { finish_reason: 'tool_calls', message: { content: 'One moment.', tool_calls: [{ id: 'call_1' }] } })
  messages.push(choice!.message, { role: 'tool', tool_call_id: 'call_1', content: 'created' })
  const second = await client.chat.completions.create({ model, messages, tools: [chatTool] })
  t.match(second, {
    choices: [{ finish_reason: 'stop', message: { content: 'Done.' } }],
    usage: { total_tokens: Number }
  })
  t.match(seen[1], { api: 'chat', instructions: 'You keep a list.', toolNames: ['create_task'] })
  t.strictSame(seen[1]?.items, [
    { role: 'user', text: 'Add milk' },
    { role: 'assistant', text: 'One moment.' },
    { role: 'call', id: 'call_1', name: 'create_task', arguments: '{"title":"Milk"}' },
    { role: 'result', id: 'call_1', output: 'created' }
  ])
})

t.test('refusals, cut answers and nonsense come as the API sends them', async t => {
  const { client } = await start(t, {
    agent: scriptedAgent([
      { refusal: 'I will not.' },
      { text: 'Half an', incomplete: 'max_output_tokens' },
      { text: 'Half an', incomplete: 'max_output_tokens' },
      { calls: [{ name: 'no such tool', arguments: '{"half' }] }
    ])
  })
  const messages = [{ role: 'user', content: 'x' } as const]
  t.match(await client.chat.completions.create({ model, messages }), {
    choices: [{ message: { refusal: 'I will not.' } }]
  })
  t.match(await client.chat.completions.create({ model, messages }), { choices: [{ finish_reason: 'length' }] })
  const incomplete = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
  t.match(await client.responses.create({ model, input: 'x' }), incomplete)
  const nonsense = { output: [{ type: 'function_call', name: 'no such tool', arguments: '{"half' }] }
  t.match(await client.responses.create({ model, input: 'x' }), nonsense)
})

t.test('a call beyond the script is a surprise', async t => {
  const { openai, client } = await start(t, { agent: scriptedAgent([]) })
  t.match(await client.responses.create({ model, input: 'x' }).catch(thrown), { status: 500 })
  t.match(openai.surprises, [/the script has 0 steps/])
  t.equal(openai.calls.responses, 1)
})

t.test('what the real API refuses is refused', async t => {
  const { openai, client } = await start(t)
  const call = { type: 'function_call', call_id: 'c1', name: 'create_task', arguments: '{}' } as const
  const output = { type: 'function_call_output', call_id: 'c1', output: 'x' } as const
  const user = { role: 'user', content: 'x' } as const
  const named = (name: string) => ({ ...tool, name })
  const optional = { ...tool, parameters: { ...parameters, required: [] } }
  const open = { ...tool, parameters: { ...parameters, additionalProperties: true } }
  const bodies: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming>[] = [
    { input: [user, output] },
    { input: [user, call] },
    { input: [] },
    { input: [{ role: 'assistant', content: [{ type: 'input_text', text: 'x' }] }] },
    { input: 'x', model: '' },
    { input: 'x', tools: [named('tasks.create')] },
    { input: 'x', tools: [optional] },
    { input: 'x', tools: [open] }
  ]
  for (const body of bodies) {
    const error = await client.responses.create({ model, input: 'x', ...body }).catch(thrown)
    t.match(error, { status: 400, type: 'invalid_request_error' }, JSON.stringify(body))
  }
  const unanswered = {
    role: 'assistant',
    tool_calls: [{ id: 'c1', type: 'function', function: { name: 'a', arguments: '{}' } }]
  } as const
  t.match(
    await client.chat.completions
      .create({ model, messages: [user, { ...unanswered, tool_calls: [...unanswered.tool_calls] }] })
      .catch(thrown),
    { status: 400 }
  )
  t.match(await client.models.list().catch(thrown), { status: 404 })
  t.equal((await fetch(`${openai.baseUrl}/responses`, { method: 'POST', body: '{' })).status, 400)
  t.match(await client.responses.create({ model, input: 'x', tools: [tool] }), { output_text: 'Hello.' })
})

t.test('a wrong key is refused', async t => {
  const { openai, client } = await start(t, { apiKey: 'sk-right' })
  t.match(await client.responses.create({ model, input: 'x' }).catch(thrown), { status: 401, code: 'invalid_api_key' })
  t.match(await client.withOptions({ apiKey: 'sk-right' }).responses.create({ model, input: 'x' }), {
    output_text: 'Hello.'
  })
  t.strictSame(
    openai.requests.map(({ answered }) => answered),
    [401, 200]
  )
})

t.test('faults are met as asked', async t => {
  const { openai, client } = await start(t, { defaultTranscript: 'Hello.' })
  const ask = (maxRetries = 0) =>
    client.responses.create({ model, input: 'x' }, { maxRetries, timeout: 300 }).catch(thrown)
  openai.failNext({ status: 429, code: 'rate_limit_exceeded', retryAfter: 0, times: 2 })
  openai.failNext({ on: 'transcription', status: 503 })
  t.match(await ask(2), { output_text: 'Hello.' }, 'the SDK gets through at the third try')
  const file = await toFile(voice, 'voice.ogg')
  t.match(await client.audio.transcriptions.create({ file, model }, { maxRetries: 0 }).catch(thrown), { status: 503 })
  openai.failNext({ status: 429, code: 'insufficient_quota', retryAfter: 7 })
  const refused = await ask()
  t.match(refused, { status: 429, code: 'insufficient_quota' })
  t.equal((refused as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after'), '7')
  openai.failNext({ hang: true })
  t.type(await ask(), OpenAI.APIConnectionTimeoutError)
  openai.failNext({ cut: true })
  t.type(await ask(), OpenAI.APIConnectionError)
  openai.failNext({ garbage: true })
  t.type(await ask(), SyntaxError)
  t.match(await ask(), { output_text: 'Hello.' })
})

t.test('the ledger keeps every request, the bodies of the latest, and is read over HTTP', async t => {
  const { openai, client } = await start(t, { keepBodies: 1 })
  for (const input of ['one', 'two']) await client.responses.create({ model, input })
  t.strictSame(openai.requests[0]?.body, null)
  t.match(openai.requests[1]?.body, { input: 'two' })
  const control = (path: string, init: RequestInit = {}) => fetch(`${openai.url}/simulator/${path}`, init)
  t.match(await (await control('ledger')).json(), { calls: { responses: 2 }, surprises: [] })
  await control('fail', { method: 'POST', body: '{"status":400}' })
  t.match(await client.responses.create({ model, input: 'x' }).catch(thrown), { status: 400 })
  t.match(await (await control('banner')).text(), /stand-ins/)
})

async function start(t: Test, options: Partial<OpenAIOptions> = {}) {
  const openai = await startOpenAI({ agent: () => ({ text: 'Hello.' }), ...options })
  t.teardown(() => openai.close())
  return { openai, client: new OpenAI({ apiKey: 'sk-test', baseURL: openai.baseUrl }) }
}

function thrown(error: unknown): unknown {
  return error
}
