import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import t from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { Failure } from '../../src/frames/failure.ts'
import { createResponder, createTranscriber } from '../../src/providers/openai.ts'
import type { Item, Request } from '../../src/providers/provider.ts'

type Answer = { status?: number; headers?: Record<string, string>; body?: unknown } | ((reply: ServerResponse) => void)
type Seen = { method: string; url: string; headers: IncomingHttpHeaders; body: Buffer }

const voice = { bytes: Buffer.from('OggS and so on'), type: 'audio/ogg; codecs=opus', seconds: 1 }
const never = new AbortController().signal
const tool = { name: 'create_task', description: 'Adds a task.', parameters: { type: 'object', properties: {} } }
const ask: Request = { instructions: 'Be brief.', items: [{ role: 'user', text: 'Hello' }], tools: [tool] }

t.test('a transcription is one multipart request whose file name says the format', async t => {
  const api = await startApi(t, [{ body: { text: 'Buy milk.', usage: { input_tokens: 9, output_tokens: 4 } } }])
  t.strictSame(await api.transcriber().transcribe(voice, never), {
    text: 'Buy milk.',
    language: null,
    provider: 'fake',
    model: 'ears-1'
  })
  const [seen] = api.seen
  t.equal(`${seen?.method} ${seen?.url}`, 'POST /v1/audio/transcriptions')
  const form = await new Response(new Uint8Array(seen!.body), {
    headers: { 'content-type': seen?.headers['content-type'] ?? '' }
  }).formData()
  const file = form.get('file') as File
  t.equal(file.name, 'voice.ogg')
  t.equal(file.type, 'audio/ogg')
  t.strictSame(Buffer.from(await file.arrayBuffer()), voice.bytes)
  t.strictSame([form.get('model'), form.get('response_format')], ['ears-1', 'json'])
  t.match(api.events, [
    { use: 'transcribe', model: 'ears-1', outcome: 'done', inputTokens: 9, outputTokens: 4, ms: Number }
  ])
})

t.test('every format that can be recognised gets its extension, any other is refused unsent', async t => {
  const types = ['audio/mpeg', 'audio/x-m4a', 'audio/mp4', 'audio/wav', 'video/webm', 'audio/flac']
  const api = await startApi(t, Array(types.length).fill({ body: { text: '' } }))
  for (const type of types) {
    t.equal((await api.transcriber().transcribe({ ...voice, type }, never)).text, '', 'silence is an answer')
  }
  const names = api.seen.map(({ body }) => /filename="voice\.(\w+)"/.exec(body.toString('latin1'))?.[1])
  t.strictSame(names, ['mp3', 'm4a', 'm4a', 'wav', 'webm', 'flac'])
  t.match(await failureOf(api.transcriber().transcribe({ ...voice, type: 'audio/amr' }, never)), {
    code: 'AUDIO_TYPE_UNSUPPORTED'
  })
})

t.test('the environment changes neither where requests go nor what they carry', async t => {
  const elsewhere = await startApi(t, [])
  const variables = {
    OPENAI_BASE_URL: elsewhere.url,
    OPENAI_API_KEY: 'sk-environment',
    OPENAI_ADMIN_KEY: 'sk-admin',
    OPENAI_ORG_ID: 'org-environment',
    OPENAI_PROJECT_ID: 'project-environment',
    OPENAI_CUSTOM_HEADERS: 'authorization: Bearer custom\nx-custom: custom',
    OPENAI_LOG: 'debug',
    HTTP_PROXY: elsewhere.url,
    http_proxy: elsewhere.url
  }
  Object.assign(process.env, variables)
  t.teardown(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
  })
  const api = await startApi(t, [{ body: response([]) }, { body: response([]) }])
  await api.responder().respond(ask, never)
  await api.responder({ apiKey: undefined }).respond(ask, never)
  t.equal(elsewhere.seen.length, 0)
  t.strictSame(
    api.seen.map(({ headers }) => headers.authorization),
    ['Bearer sk-planted', undefined]
  )
  for (const { headers } of api.seen) {
    t.strictSame(
      Object.keys(headers).filter(name => !['host', 'connection', 'content-length', 'authorization'].includes(name)),
      ['accept', 'content-type', 'user-agent']
    )
  }
})

t.test('a redirect is not followed, and is for the operator', async t => {
  const elsewhere = await startApi(t, [])
  for (const status of [301, 302, 307, 308]) {
    const api = await startApi(t, [{ status, headers: { location: `${elsewhere.url}/responses` } }])
    t.match(await failureOf(api.responder().respond(ask, never)), { code: 'PROVIDER_REFUSED', cause: { status } })
  }
  t.equal(elsewhere.seen.length, 0)
})

t.test('failures are sorted by status and code', async t => {
  const cases: [use: 'transcribe' | 'respond', status: number, error: unknown, code: string][] = [
    ['respond', 408, {}, 'PROVIDER_UNAVAILABLE'],
    ['respond', 409, {}, 'PROVIDER_UNAVAILABLE'],
    ['respond', 429, { code: 'rate_limit_exceeded' }, 'PROVIDER_UNAVAILABLE'],
    ['respond', 500, {}, 'PROVIDER_UNAVAILABLE'],
    ['transcribe', 503, '<html>upstream</html>', 'PROVIDER_UNAVAILABLE'],
    ['respond', 429, { code: 'insufficient_quota', type: 'insufficient_quota' }, 'PROVIDER_REFUSED'],
    ['respond', 401, { code: 'invalid_api_key' }, 'PROVIDER_REFUSED'],
    ['transcribe', 403, {}, 'PROVIDER_REFUSED'],
    ['transcribe', 404, { code: 'model_not_found' }, 'PROVIDER_REFUSED'],
    ['transcribe', 400, { code: 'model_not_found' }, 'PROVIDER_REFUSED'],
    ['respond', 400, { code: 'content_filter' }, 'PROVIDER_CONTENT_REFUSED'],
    ['respond', 400, { code: 'content_policy_violation' }, 'PROVIDER_CONTENT_REFUSED'],
    ['respond', 400, { code: 'context_length_exceeded' }, 'AGENT_TOO_BIG'],
    ['respond', 413, {}, 'AGENT_TOO_BIG'],
    ['respond', 400, { message: 'content_filter', code: 400 }, 'PROVIDER_REFUSED'],
    ['respond', 422, 'not an object', 'PROVIDER_REFUSED'],
    ['transcribe', 400, {}, 'SPEECH_UNREADABLE'],
    ['transcribe', 415, null, 'SPEECH_UNREADABLE'],
    ['transcribe', 422, {}, 'SPEECH_UNREADABLE'],
    ['transcribe', 413, {}, 'AUDIO_TOO_LARGE']
  ]
  for (const [use, status, error, code] of cases) {
    const api = await startApi(t, Array(3).fill({ status, headers: { 'retry-after-ms': '1' }, body: { error } }))
    const call = use === 'respond' ? api.responder().respond(ask, never) : api.transcriber().transcribe(voice, never)
    const failure = await failureOf(call)
    t.equal(failure.code, code, `${use} ${status} ${inspect(error)}`)
    t.equal(failure.retryAfterMs, code === 'PROVIDER_UNAVAILABLE' ? 1 : undefined)
    t.match(api.events, [{ use, outcome: code }])
    t.equal(api.events.length, 1, 'a call is observed once, however often it was tried')
  }
})

t.test('of an error nothing but its status, code and type is kept', async t => {
  const error = { message: 'the planted words', code: 'the planted words', type: 'invalid_request_error' }
  const api = await startApi(t, [{ status: 400, headers: { 'x-planted': 'planted' }, body: { error } }])
  const failure = await failureOf(api.responder().respond(ask, never))
  t.strictSame(failure.cause, { status: 400, code: null, type: 'invalid_request_error' })
  t.notMatch(inspect(failure, { depth: 20, showHidden: true }), /planted/)
})

t.test('a passing failure is tried again, after as long as the server asks', async t => {
  const busy = { status: 429, headers: { 'retry-after-ms': '30' }, body: {} }
  const api = await startApi(t, [busy, { status: 503, headers: { 'retry-after': '0' } }, { body: response([]) }])
  const started = performance.now()
  await api.responder().respond(ask, never)
  t.ok(performance.now() - started >= 30)
  t.equal(api.seen.length, 3)
  t.match(api.events, [{ outcome: 'done' }])
})

t.test('a wait of an hour is left to the queue', async t => {
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  for (const wait of ['3600', date]) {
    const api = await startApi(t, [{ status: 429, headers: { 'retry-after': wait }, body: {} }])
    const failure = await failureOf(api.responder().respond(ask, never))
    t.equal(failure.code, 'PROVIDER_UNAVAILABLE')
    t.ok(Math.abs((failure.retryAfterMs ?? 0) - 3_600_000) < 2_000, wait)
    t.equal(api.seen.length, 1)
  }
  const absurd = await startApi(t, [{ status: 429, headers: { 'retry-after': '1e300' }, body: {} }])
  t.match(await failureOf(absurd.responder().respond(ask, never)), { retryAfterMs: 86_400_000 })
})

t.test('an abort ends the call at once with its own reason', async t => {
  const api = await startApi(t, [() => {}])
  const reason = new Error('lease lost')
  const stop = new AbortController()
  const call = api.responder().respond(ask, stop.signal)
  while (api.seen.length === 0) await new Promise(resolve => setImmediate(resolve))
  stop.abort(reason)
  t.equal(await call.catch(error => error), reason)
  t.equal(
    await api
      .responder()
      .respond(ask, stop.signal)
      .catch(error => error),
    reason,
    'nothing is sent after it'
  )
  t.equal(api.seen.length, 1)
  t.match(api.events, [{ outcome: 'aborted' }, { outcome: 'aborted' }])
})

t.test('a server that hangs, stops in mid-answer or is not there is unavailable', async t => {
  const half = (reply: ServerResponse) => reply.writeHead(200, { 'content-length': '100' }).write('{"output"')
  for (const hang of [() => {}, half]) {
    const api = await startApi(t, [hang])
    const started = performance.now()
    const failure = await failureOf(api.responder({ timeoutMs: 200 }).respond(ask, never))
    t.match(failure, { code: 'PROVIDER_UNAVAILABLE', cause: { code: 'TIMEOUT' } })
    t.ok(performance.now() - started < 1_000)
  }
  const cut = (reply: ServerResponse) => half(reply) && reply.destroy()
  const api = await startApi(t, [cut, cut, cut])
  t.match(await failureOf(api.responder().respond(ask, never)), { code: 'PROVIDER_UNAVAILABLE' })
  const gone = api.responder({ baseUrl: 'http://127.0.0.1:1/v1' })
  t.match(await failureOf(gone.respond(ask, never)), { code: 'PROVIDER_UNAVAILABLE', cause: { code: 'ECONNREFUSED' } })
})

t.test('an answer that is none of the API is garbled', async t => {
  const html = (reply: ServerResponse) => reply.setHeader('content-type', 'text/html').end('<html>Welcome</html>')
  const huge = (reply: ServerResponse) => reply.end(JSON.stringify({ text: 'x'.repeat(9 * 1024 * 1024) }))
  const bodies = [{ body: null }, { body: 7 }, { body: [] }, { body: {} }, { body: 'words' }, { status: 204 }, html]
  for (const answer of [...bodies, { body: { output: 'words', choices: 'words', text: 7 } }]) {
    const api = await startApi(t, Array(3).fill(answer))
    const calls = [
      () => api.transcriber().transcribe(voice, never),
      () => api.responder().respond(ask, never),
      () => api.responder({ api: 'chat' }).respond(ask, never)
    ]
    for (const call of calls) t.equal((await failureOf(call())).code, 'PROVIDER_GARBLED', inspect(answer))
  }
  const endless = await startApi(t, [huge, huge, huge])
  t.equal((await failureOf(endless.transcriber().transcribe(voice, never))).code, 'PROVIDER_GARBLED')
})

const history: Item[] = [
  { role: 'user', text: 'Add milk.' },
  { role: 'assistant', text: 'Gladly.' },
  { role: 'call', id: 'call_1', tool: 'create_task', arguments: '{"title":"milk"}' },
  { role: 'call', id: 'call_2', tool: 'no such tool!', arguments: '{"cut' },
  { role: 'result', id: 'call_1', output: 'done' },
  { role: 'result', id: 'call_2', output: 'There is no such tool.' }
]

t.test('a request of the Responses API carries everything and leaves nothing behind', async t => {
  const api = await startApi(t, [{ body: response([]) }, { body: response([]) }])
  await api.responder().respond({ ...ask, items: history }, never)
  await api.responder().respond({ ...ask, tools: [] }, never)
  t.equal(api.seen[0]?.url, '/v1/responses')
  t.strictSame(sent(api.seen[0]), {
    model: 'mind-1',
    instructions: 'Be brief.',
    input: [
      { role: 'user', content: 'Add milk.' },
      { role: 'assistant', content: 'Gladly.' },
      { type: 'function_call', call_id: 'call_1', name: 'create_task', arguments: '{"title":"milk"}' },
      { type: 'function_call', call_id: 'call_2', name: 'no_such_tool_', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1', output: 'done' },
      { type: 'function_call_output', call_id: 'call_2', output: 'There is no such tool.' }
    ],
    store: false,
    tools: [{ type: 'function', ...tool, strict: false }],
    parallel_tool_calls: false
  })
  t.notOk('tools' in sent(api.seen[1]))
})

t.test('a Response is read as words and calls, whatever else it holds', async t => {
  const output = [
    { type: 'reasoning', summary: [] },
    message('One moment.'),
    call('c1', 'create_task', '{"title":"milk"}'),
    { type: 'from_the_future', text: 'x' },
    { ...message(''), content: [{ type: 'refusal', refusal: 'I cannot.' }, { type: 'audio' }, 7] },
    call('c2', 'list_tasks', ''),
    null
  ]
  const body = { ...response(output), usage: { input_tokens: 11, output_tokens: -1 } }
  const api = await startApi(t, [{ body }])
  t.strictSame(await api.responder().respond(ask, never), {
    text: 'One moment.\nI cannot.',
    calls: [
      { id: 'c1', tool: 'create_task', arguments: '{"title":"milk"}' },
      { id: 'c2', tool: 'list_tasks', arguments: '{}' }
    ],
    tokens: { input: 11, output: 0 },
    provider: 'fake',
    model: 'mind-1'
  })
})

t.test('an answer is brought within the bounds of a frame', async t => {
  const output = [
    message(`${'x'.repeat(59_999)}\u{1F600} and more`),
    call('call_1', 'create_task', '{}'),
    call(undefined, 'x'.repeat(300), `{"title":"${'y'.repeat(20_000)}"}`),
    call('same', undefined, { title: 'milk' }),
    call('same', 'create_task', '{}'),
    call('z'.repeat(300), 'create_task', '{}'),
    ...Array(60).fill(call('', 'create_task', '{}'))
  ]
  const api = await startApi(t, [{ body: response(output) }])
  const { text, calls } = await api.responder().respond({ ...ask, items: history }, never)
  t.equal(text, `${'x'.repeat(59_999)}\u{FFFD}`)
  t.equal(calls.length, 50)
  const used = new Set(['call_1', 'call_2', ...calls.map(({ id }) => id)])
  t.equal(used.size, 52, 'an id of this answer is used once, here and in what came before')
  t.match(calls[1], { tool: 'x'.repeat(200), arguments: /^.{16384}$/ })
  t.match(calls[2], { id: 'same', tool: '', arguments: '{"title":"milk"}' })
  t.equal(calls[4]?.id, 'z'.repeat(200))
})

t.test('half an answer is words at most, never calls', async t => {
  const cutOff = { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }
  const cases: [body: object, expected: object][] = [
    [
      { ...response([message('It was')]), ...cutOff },
      { text: 'It was', calls: [] }
    ],
    [
      { ...response([]), ...cutOff },
      { text: '', calls: [] }
    ],
    [{ ...response([call('c1', 'create_task', '{"ti')]), ...cutOff }, { code: 'PROVIDER_GARBLED' }],
    [response([{ ...call('c1', 'create_task', '{}'), status: 'incomplete' }]), { code: 'PROVIDER_GARBLED' }],
    [
      { ...response([]), ...cutOff, incomplete_details: { reason: 'content_filter' } },
      { code: 'PROVIDER_CONTENT_REFUSED' }
    ],
    [{ status: 'failed', error: { code: 'server_error' } }, { code: 'PROVIDER_UNAVAILABLE' }],
    [{ status: 'failed', error: { code: 'invalid_prompt' } }, { code: 'PROVIDER_CONTENT_REFUSED' }],
    [{ status: 'failed', error: { code: 'odd' }, output: [] }, { code: 'PROVIDER_GARBLED' }]
  ]
  for (const [body, expected] of cases) {
    const api = await startApi(t, [{ body }])
    t.match(
      await api
        .responder()
        .respond(ask, never)
        .catch(error => error),
      expected,
      inspect(body)
    )
  }
})

t.test('a request of Chat Completions groups calls under the assistant and names their results', async t => {
  const api = await startApi(t, [{ body: chat({ content: 'Hello' }) }, { body: chat({ content: 'Hello' }) }])
  await api.responder({ api: 'chat' }).respond({ ...ask, items: [...history, { role: 'user', text: 'And?' }] }, never)
  await api.responder({ api: 'chat' }).respond({ ...ask, items: history.slice(2, 3), tools: [] }, never)
  t.equal(api.seen[0]?.url, '/v1/chat/completions')
  const first = { id: 'call_1', type: 'function', function: { name: 'create_task', arguments: '{"title":"milk"}' } }
  t.strictSame(sent(api.seen[0]), {
    model: 'mind-1',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Add milk.' },
      {
        role: 'assistant',
        content: 'Gladly.',
        tool_calls: [first, { id: 'call_2', type: 'function', function: { name: 'no_such_tool_', arguments: '{}' } }]
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'done', name: 'create_task' },
      { role: 'tool', tool_call_id: 'call_2', content: 'There is no such tool.', name: 'no_such_tool_' },
      { role: 'user', content: 'And?' }
    ],
    tools: [{ type: 'function', function: tool }],
    parallel_tool_calls: false
  })
  t.strictSame(sent(api.seen[1]).messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'assistant', content: null, tool_calls: [first] }
  ])
})

t.test('a Chat Completion is read with the liberties that compatible servers take', async t => {
  const named = { name: 'create_task', arguments: { title: 'milk' } }
  const milk = { id: 'call_1', tool: 'create_task', arguments: '{"title":"milk"}' }
  const cases: [message: object, reason: unknown, expected: object][] = [
    [{ content: 'Hello' }, 'stop', { text: 'Hello', calls: [] }],
    [{ content: null, tool_calls: [{ function: named }] }, 'stop', { text: '', calls: [milk] }],
    [{ content: '', function_call: named }, 'function_call', { text: '', calls: [milk] }],
    [{ content: [{ type: 'text', text: 'Hel' }, 'lo', { type: 'image' }], tool_calls: null }, 7, { text: 'Hello' }],
    [{ content: null, refusal: 'I cannot.' }, 'stop', { text: 'I cannot.', calls: [] }],
    [{}, undefined, { text: '', calls: [] }],
    [{ content: 'It was' }, 'length', { text: 'It was' }],
    [{ tool_calls: [{ id: 'a', function: { name: 'create_task', arguments: '{"ti' } }] }, 'length', garbled],
    [{ content: 7 }, 'stop', garbled],
    [{ content: null }, 'content_filter', { code: 'PROVIDER_CONTENT_REFUSED' }]
  ]
  for (const [message, reason, expected] of cases) {
    const api = await startApi(t, [{ body: chat(message, reason) }])
    t.match(
      await api
        .responder({ api: 'chat' })
        .respond(ask, never)
        .catch(error => error),
      expected,
      inspect(message)
    )
  }
  const counted = await startApi(t, [
    { body: { ...chat({ content: 'Hi' }), usage: { prompt_tokens: 5, completion_tokens: 2 } } },
    { body: { choices: [] } }
  ])
  const responder = counted.responder({ api: 'chat' })
  t.match(await responder.respond(ask, never), { tokens: { input: 5, output: 2 } })
  t.match(await responder.respond(ask, never).catch(error => error), garbled)
})

const garbled = { code: 'PROVIDER_GARBLED' }

/** A server that gives one answer after the other and an endless 500 when there are none left. */
async function startApi(t: { teardown(close: () => void): void }, answers: Answer[]) {
  const seen: Seen[] = []
  const events: unknown[] = []
  const left = [...answers]
  const server = createServer(async (request, reply) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    seen.push({ method, url, headers, body: Buffer.concat(chunks) })
    const answer = left.shift() ?? { status: 500 }
    if (typeof answer === 'function') return answer(reply)
    reply.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
    reply.end(answer.body === undefined ? undefined : JSON.stringify(answer.body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  const base = {
    name: 'fake',
    baseUrl: url,
    apiKey: 'sk-planted',
    observe: (_event: string, fields: unknown) => void events.push(fields),
    clock: systemClock
  }
  return {
    url,
    seen,
    events,
    transcriber: () => createTranscriber({ ...base, model: 'ears-1' }),
    responder: (options: Partial<Parameters<typeof createResponder>[0]> = {}) =>
      createResponder({ ...base, model: 'mind-1', api: 'responses', ...options })
  }
}

async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown
  )
  if (error instanceof Failure) return error
  throw new Error('The call did not end with a Failure.', { cause: error })
}

function sent(seen: Seen | undefined): Record<string, unknown> {
  return JSON.parse(seen?.body.toString() ?? '{}')
}

function response(output: unknown[]) {
  return { object: 'response', status: 'completed', output }
}

function message(text: string) {
  return { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] }
}

function call(id: unknown, name: unknown, args: unknown) {
  return { type: 'function_call', call_id: id, name, arguments: args, status: 'completed' }
}

function chat(message: object, finish_reason: unknown = 'stop') {
  return { choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }] }
}
