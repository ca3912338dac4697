import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startMs, startProcess, until, voice } from '../stage.ts'

// None of the stand-ins of src/simulator is used here: these servers were written apart from them and from the product.
const account = `AC${'9'.repeat(32)}`
const secrets = {
  token: 'token-that-signs-and-nothing-else-7f3a',
  restKey: `SK${'8'.repeat(32)}`,
  restSecret: 'secret-of-the-rest-key-5d2c91',
  openai: 'sk-openai-1c0ffee',
  speech: 'sk-speech-5eed'
}
const publicUrl = 'https://voice.example'
const note = voice('p01-request')
const [us, them] = ['whatsapp:+14150000001', 'whatsapp:+4915100000002']

/** A request as it came: who received it, and every byte of it as text. */
interface Seen {
  readonly place: string
  readonly line: string
  readonly host: string
  readonly authorization: string | undefined
  readonly dump: string
}

type Handler = (request: { line: string; body: string }, response: ServerResponse) => void

t.test('other implementations of both APIs do as well, and each secret goes to its own place alone', async t => {
  for (const api of ['responses', 'chat'] as const) {
    const world = await openWorld(t, api)
    const server = await world.start({
      AGENT_API: api,
      TRANSCRIBE_BASE_URL: `${world.speech}/openai/v1/`,
      TRANSCRIBE_API_KEY: secrets.speech
    })
    const answer = await post(server.port, voiceNote(world.twilio))
    t.equal(answer.status, 200)
    await until(() => world.sent.length === 1, 15_000)
    t.match(world.sent[0], { From: us, To: them, Body: /^I heard: "Remind me to call.*"\n\nDone: Call the plumber\.$/ })
    t.ok(world.sent[0]?.StatusCallback?.startsWith(`${publicUrl}/webhooks/twilio/status?s=`))

    t.strictSame(
      world.seen.map(({ place, line }) => `${place} ${line.replace(/[A-Z]{2}[a-f0-9]{32}/g, '…')}`),
      [
        'twilio GET /2010-04-01/Accounts/…/Messages/…/Media/…',
        'twilio GET /elsewhere/on/the/same/origin?signed=yes',
        'speech POST /openai/v1/audio/transcriptions',
        ...Array(2).fill(`openai POST /v1/${api === 'chat' ? 'chat/completions' : 'responses'}`),
        'twilio POST /2010-04-01/Accounts/…/Messages.json'
      ],
      'these requests were made and no others'
    )
    checkSecrets(t, world.seen)
    t.strictSame(
      world.seen.map(({ authorization }) => authorization),
      [basic(), undefined, `Bearer ${secrets.speech}`, ...Array(2).fill(`Bearer ${secrets.openai}`), basic()]
    )
    t.equal(await server.stop(), 0)
  }
})

t.test('a speech server on another host gets no key where none is set for it', async t => {
  const world = await openWorld(t, 'responses')
  const elsewhere = world.speech.replace('127.0.0.1', 'localhost')
  const server = await world.start({ TRANSCRIBE_BASE_URL: `${elsewhere}/openai/v1` })
  await post(server.port, voiceNote(world.twilio))
  await until(() => world.sent.length === 1, 15_000)
  t.strictSame(
    world.seen.filter(({ place }) => place === 'speech').map(({ authorization }) => authorization),
    [undefined]
  )
  checkSecrets(t, world.seen)
})

t.test('no redirect and no link in an answer takes a request, with or without credentials, anywhere else', async t => {
  const world = await openWorld(t, 'responses')
  // The first turn is sent away, and so is the message; the list says that it goes on at a foreign host.
  world.redirect.add('openai').add('create').add('next-page')
  const server = await world.start({ TRANSCRIBE_BASE_URL: `${world.speech}/openai/v1` })
  await post(server.port, text('Remind me to call the plumber'))
  await until(() => world.seen.some(({ line }) => line.includes('PageToken=2')), 28_000)
  await until(() => server.output().includes('"execution.finished"'), 5_000)
  t.strictSame(
    world.seen.filter(({ place }) => place === 'foreign'),
    []
  )
  checkSecrets(t, world.seen)
  t.equal(world.sent.length, 1, 'what the second page showed is not sent again')
})

/** Every place sees its own secret only, in no spelling another, and is called by its own name. */
function checkSecrets(t: Test, seen: readonly Seen[]): void {
  const own: Record<string, readonly string[]> = {
    twilio: [secrets.restKey, secrets.restSecret],
    openai: [secrets.openai],
    speech: [secrets.speech]
  }
  const leaked = seen.flatMap(({ place, line, dump }) => {
    const strange = Object.values(secrets).filter(secret => !own[place]?.includes(secret))
    return strange.filter(secret => spellings(secret).some(each => dump.includes(each))).map(s => [place, line, s])
  })
  t.strictSame(leaked, [], 'no secret is seen where it does not belong')
  t.ok(
    seen.every(({ host }) => /^(127\.0\.0\.1|localhost):\d+$/.test(host)),
    'hosts are named as they are configured'
  )
  t.notOk(
    seen.some(({ place, dump }) => place !== 'twilio' && dump.includes(account)),
    'the account is nobody else’s business'
  )
}

function spellings(secret: string): string[] {
  const base64 = [0, 1, 2].map(shift => {
    const encoded = Buffer.from(`${' '.repeat(shift)}${secret}`).toString('base64')
    return encoded.slice(shift === 0 ? 0 : shift + 1, -4)
  })
  return [secret, encodeURIComponent(secret), ...base64]
}

async function openWorld(t: Test, api: 'responses' | 'chat') {
  const seen: Seen[] = []
  const sent: Record<string, string>[] = []
  const redirect = new Set<string>()
  const foreign = await listen(t, 'foreign', seen, (_request, response) => void response.end('caught'))
  const place = { foreign }
  const twilio = await listen(t, 'twilio', seen, (request, response) => {
    if (request.line.includes('/Media/')) {
      // A relative address, and 302 where Twilio says 307.
      return void response.writeHead(302, { location: '/elsewhere/on/the/same/origin?signed=yes' }).end('moved')
    }
    if (request.line.startsWith('GET /elsewhere')) return inPieces(response, note.bytes, 'application/octet-stream')
    if (request.line.startsWith('POST')) {
      sent.push(Object.fromEntries(new URLSearchParams(request.body)))
      if (redirect.delete('create')) return void response.writeHead(307, { location: `${place.foreign}/take` }).end()
      return inPieces(response, JSON.stringify({ ...message(sent), news: [1.5, null] }), 'text/json; charset=utf8')
    }
    inPieces(response, JSON.stringify(page(request.line, sent, redirect, place.foreign)), 'application/json;v=2')
  })
  const openai = await listen(t, 'openai', seen, (request, response) => {
    if (redirect.delete('openai')) return void response.writeHead(308, { location: `${place.foreign}/v1/think` }).end()
    const done = request.body.includes('created')
    const answer = api === 'chat' ? chatAnswer(done) : responsesAnswer(done)
    inPieces(response, JSON.stringify(answer), 'text/plain; charset=utf-8')
  })
  const speech = await listen(t, 'speech', seen, (request, response) => {
    const isForm = /name="file"; filename="[^"]+\.ogg"/.test(request.body)
    inPieces(response, JSON.stringify({ text: isForm ? ` ${note.text} ` : 'no form', words: null }), 'text/plain')
  })
  const dataDir = mkdtempSync(join(tmpdir(), 'knomly-outside-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))

  async function start(more: Record<string, string>) {
    const server = startProcess('src/server.ts', {
      ...{ PORT: '0', PUBLIC_URL: publicUrl, DATA_DIR: dataDir, ALLOWED_SENDERS: them, TWILIO_SENDERS: us },
      ...{ TWILIO_ACCOUNT_SID: account, TWILIO_AUTH_TOKEN: secrets.token, TWILIO_API_URL: twilio },
      ...{ TWILIO_API_KEY_SID: secrets.restKey, TWILIO_API_KEY_SECRET: secrets.restSecret },
      ...{ OPENAI_API_KEY: secrets.openai, OPENAI_BASE_URL: `${openai}/v1` },
      // What SDKs and HTTP clients take from the environment unasked.
      ...{
        HTTP_PROXY: foreign,
        HTTPS_PROXY: foreign,
        ALL_PROXY: foreign,
        http_proxy: foreign,
        NODE_USE_ENV_PROXY: '1'
      },
      ...{ TWILIO_EDGE: 'dublin', TWILIO_REGION: 'ie1', OPENAI_ORG_ID: 'org-planted', OPENAI_PROJECT_ID: 'p-planted' },
      ...more
    })
    t.teardown(() => server.kill('SIGKILL'))
    const listening = () => /"event":"server\.listening","port":(\d+)/.exec(server.output())?.[1]
    await until(() => listening() !== undefined, startMs, server)
    return { port: Number(listening()), output: server.output, stop: () => server.kill('SIGTERM') }
  }
  return { seen, sent, redirect, twilio, speech, start }
}

/** A server that writes down whatever it is asked and closes every connection behind its answer. */
async function listen(t: Test, place: string, seen: Seen[], handle: Handler): Promise<string> {
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString('latin1')
    const line = `${request.method} ${request.url}`
    const { host = '', authorization } = request.headers
    seen.push({ place, line, host, authorization, dump: [line, ...request.rawHeaders, body].join('\n') })
    response.setHeader('connection', 'close')
    handle({ line, body }, response)
  }).listen(0, '127.0.0.1')
  server.on('connect', (request, socket) => {
    seen.push({ place, line: `CONNECT ${request.url}`, host: '', authorization: undefined, dump: '' })
    socket.destroy()
  })
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

/** Writes in three chunks, without a length. */
function inPieces(response: ServerResponse, body: string | Buffer, type: string): void {
  const bytes = Buffer.from(body)
  const third = Math.ceil(bytes.length / 3)
  response.setHeader('content-type', type)
  for (let at = 0; at < bytes.length; at += third) response.write(bytes.subarray(at, at + third))
  response.end()
}

function message(sent: readonly Record<string, string>[]) {
  const last = sent.at(-1)
  const sid = `SM${String(sent.length).padStart(32, '0')}`
  return { sid, body: last?.Body, from: last?.From, to: last?.To, status: 'accepted', account_sid: account }
}

/** The list of messages: without dates and directions, and its second page by an absolute link to a foreign host. */
function page(line: string, sent: readonly Record<string, string>[], redirect: Set<string>, foreign: string): object {
  if (!redirect.has('next-page')) return { messages: sent.length > 0 ? [message(sent)] : [] }
  const path = `/2010-04-01/Accounts/${account}/Messages.json?PageToken=2`
  if (line.includes('PageToken=2')) return { messages: [message(sent)], page: 1, page_size: 1 }
  const other = { ...message(sent), sid: `SM${'f'.repeat(32)}`, body: 'something else' }
  return { messages: [other], next_page_uri: `${foreign}${path}`, page: 0, page_size: 1 }
}

const title = { title: 'Call the plumber', due: 'tomorrow at nine' }

function responsesAnswer(done: boolean): object {
  const words = { type: 'message', content: [{ type: 'output_text', text: 'Done: Call the plumber.' }], mood: 0.5 }
  const call = { type: 'function_call', call_id: 'c:1', name: 'create_task', arguments: JSON.stringify(title) }
  const output = [{ type: 'reasoning', summary: [], encrypted_content: null }, done ? words : call]
  return { id: 7, created_at: Date.now() / 1000 + 0.25, output, usage: { input_tokens: 11.5 }, status: null, extra: {} }
}

function chatAnswer(done: boolean): object {
  const call = { id: '', index: 0, type: 'function', function: { name: 'create_task', arguments: title } }
  const message = done
    ? { role: 'assistant', content: [{ type: 'text', text: 'Done: Call the plumber.' }], tool_calls: null }
    : { role: 'assistant', content: null, tool_calls: [call], refusal: null }
  const choices = [{ index: 0, message, finish_reason: done ? 'stop' : 'stop', logprobs: null }]
  return { created: Date.now() / 1000 + 0.25, choices, usage: null, model: 'other', x_groq: { id: 1 } }
}

function basic(): string {
  return `Basic ${Buffer.from(`${secrets.restKey}:${secrets.restSecret}`).toString('base64')}`
}

function voiceNote(api: string): Record<string, string> {
  const sid = `MM${'a'.repeat(32)}`
  const path = `/2010-04-01/Accounts/${account}/Messages/${sid}/Media/ME${'b'.repeat(32)}`
  return {
    ...text(''),
    MessageSid: sid,
    NumMedia: '1',
    MediaContentType0: 'audio/ogg; codecs=opus',
    MediaUrl0: api + path
  }
}

function text(body: string): Record<string, string> {
  const message = { MessageSid: `SM${'c'.repeat(32)}`, AccountSid: account, From: them, To: us, Body: body }
  return {
    ...message,
    NumMedia: '0',
    SmsStatus: 'received',
    ApiVersion: '2010-04-01',
    'Future-Parameter': 'ä € 😀 & ='
  }
}

/** Signs as the documentation says and posts with everything in lower case and `%20` for spaces. */
async function post(port: number, params: Record<string, string>): Promise<{ status: number }> {
  const path = '/webhooks/twilio/messages'
  const signed = Object.keys(params)
    .sort()
    .reduce((all, key) => all + key + params[key], publicUrl + path)
  const signature = createHmac('sha1', secrets.token).update(signed, 'utf8').digest('base64')
  const body = Object.entries(params)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .join('&')
  const headers = { 'x-twilio-signature': signature, 'content-type': 'application/x-www-form-urlencoded' }
  return fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body })
}
