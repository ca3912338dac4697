import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { variables } from '../../src/config/variables.ts'
import { readConfig } from '../../src/config.ts'
import { type Caller, createCaller } from '../../src/simulator/caller.ts'
import { newSid } from '../../src/simulator/twilio-messages.ts'
import { amrSecond, opusSilence } from '../channels/voices.ts'
import { type ServerProcess, startMs, startProcess, until, voice } from '../stage.ts'

// Whatever of these turns up in the output has leaked. Every number of a person begins with the same digits.
const planted = {
  words: 'Quetzalcoatlus',
  quoted: 'Boxkämpfer "jagen" \\Eva\\',
  name: 'Vanterpool-Ørsted',
  caption: 'Krähwinkelfest',
  heard: 'Donaudampfschiff',
  said: 'Rindfleischetikett',
  argument: 'Sauerkrautpalatschinken',
  tool: 'exfiltrate_everything',
  place: 'Taumatawhakatangi',
  button: 'knopfdruck-8812',
  digits: '1555765',
  ours: '14155230042',
  user: '13491208655302741918',
  url: 'https://planted.example/secret/path?sig=abcdefg',
  path: 'planted-path-segment',
  header: 'planted-header-value',
  error: 'planted_error_code',
  publicHost: 'hook-host.planted.example',
  token: 'auth-token-0f1e2d3c4b5a6978',
  nextToken: 'next-token-8796a5b4c3d2e1f0',
  sharedKey: 'shared-key-secret-4242424242',
  restSecret: 'rest-secret-99aabbccddeeff00',
  openai: 'sk-planted-openai-key',
  speech: 'sk-planted-speech-key',
  operator: 'opr-tkn-9911882277336644-zzyyxxwwvvuu',
  master: Buffer.alloc(32, 'K3y!').toString('base64')
}
const account = `AC${'7'.repeat(32)}`
const us = `whatsapp:+${planted.ours}`
const echo = JSON.stringify(planted)
const note = voice('p01-request')
const silence = opusSilence(5, 12)

/** What each person does, by the wish that the hostile servers know it by. */
const wishes = [
  ...[
    'fine',
    'garbage',
    'page',
    'empty',
    'refuses',
    'wrong key',
    'quota',
    'busy',
    'breaks',
    'cut',
    'sent away',
    'filter'
  ],
  ...['unknown tool', 'bad arguments', 'no JSON', 'deletes', 'explodes', 'loop', 'the provider breaks', 'list fails'],
  ...['opted out', 'window', 'undeliverable', 'unauthorized', 'throttled', 'send breaks', 'send garbled', 'send cut']
] as const
/** These wait for the other side longer than a test does; the last is a voice note. */
const unending = [
  ...['busy', 'breaks', 'cut', 'throttled', 'send breaks', 'send garbled', 'send cut', 'list fails', 'broken']
]

t.test('at log level trace, with every error path taken, nothing of what was planted is seen outside', async t => {
  const world = await hostileWorld(t)
  const server = await world.start('test/journeys/broken-ports.ts')
  const { api, url } = world
  const caller = (i: number) => world.callerOf(numberOf(i))

  // Conversations: what a model and Twilio can do wrong.
  for (const [i, wish] of wishes.entries()) {
    const extra = { ButtonText: planted.button, ButtonPayload: planted.button, Latitude: '52.5', Longitude: '13.4' }
    await caller(i).text(`${wish}: ${planted.words} ${planted.quoted}`, { ...extra, Label: planted.place })
  }
  // Voice notes: what media and recognition can do wrong.
  for (const [i, mode] of Object.keys(media).entries()) {
    await caller(50 + i).voiceNote(world.mediaUrl(mode), planted.caption, { Forwarded: 'true' })
  }
  await caller(80).voiceNote(world.mediaUrl('fine'), 'the channel breaks')
  await caller(79).voiceNote(world.mediaUrl('image'), '', { MediaContentType0: `image/${planted.path}` })
  await caller(81).voiceNote(`${planted.url}/2010-04-01/Accounts/${account}`, planted.caption)
  await world.callerOf(`whatsapp:US.${planted.user}`).text(`fine: ${planted.words}`)
  await caller(82).text(`fine: ${planted.words}`, { ExternalUserId: `whatsapp:US.${planted.user}` })
  t.equal((await caller(83).text(`the door breaks: ${planted.words}`)).status, 500)
  for (let n = 0; n < 6; n++) await caller(84).text(`fine: too fast ${planted.words}`)
  await caller(99).text(planted.words)
  for (const command of ['STOP', 'HELP', 'START', 'HELP']) await caller(85).text(command)

  const refusals = await refusedWebhooks(world, caller(86))
  t.equal(refusals.filter(status => status < 400).length, 0, 'each of these is refused')
  t.ok((await operatorErrors(url, api)).every(status => status >= 400))
  const depth = (labels = '') => world.metric(`knomly_queue_depth${labels}`)
  const parked = '{state="parked"}'
  await until(async () => (await depth()) - (await depth(parked)) <= unending.length, 60_000, server)
  t.ok((await depth(parked)) > 0, 'people were asked, with what was planted in the question')
  await until(() => world.lists() > 0, 15_000, server)
  const shown = await (await fetch(`${url}/metrics`)).text()
  // At last an error that nobody catches.
  await caller(90).text(`the process breaks: ${planted.words}`)
  t.not(await server.exited, 0)

  const output = server.output()
  const lines = output.trim().split('\n')
  t.ok(lines.length > 300, `the log has ${lines.length} lines`)
  t.ok(lines.every(isJson), 'and nothing but events')
  const codes = new Set(lines.flatMap(line => JSON.parse(line).code ?? []))
  const reasons = new Set(lines.flatMap(line => JSON.parse(line).reason ?? []))
  for (const code of expectedCodes) t.ok(codes.has(code), `the path of ${code} was taken`)
  for (const reason of expectedReasons) t.ok(reasons.has(reason), `the path of ${reason} was taken`)
  t.strictSame(leaksOf(`${output}\n${shown}`), [])
  t.ok(world.told() >= 30, 'people were told how it ended')
})

t.test('what is said about a bad configuration names the variable and never shows its value', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-leaks-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const said: string[] = []
  const fail = async (env: Record<string, string>) => {
    const server = startProcess('src/server.ts', { DATA_DIR: join(dir, 'store'), ...env })
    t.teardown(() => server.kill('SIGKILL'))
    t.equal(await server.exited, 1)
    t.match(server.output(), /^Knomly does not start\.\n.+/s)
    t.notMatch(server.output(), /\n\s+at /, 'no stack is shown')
    said.push(server.output())
    return server.output()
  }
  const bad = Object.fromEntries(variables.map(({ name }, i) => [name, ` ${Object.values(planted)[i % 26]} ${echo}`]))
  const good = envOf('http://127.0.0.1:9', 'http://127.0.0.1:9')
  const file = (name: string, content: unknown) => {
    const path = join(dir, `${planted.path}-${name}.json`)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const entry = { baseUrl: 'http://127.0.0.1:9', model: 'm' }
  const misread = (env: Record<string, string>) => {
    try {
      readConfig({ ...good, ...env })
      t.fail('this configuration is good')
    } catch (error) {
      said.push(String(error))
    }
  }
  misread({ PROVIDERS_FILE: join(dir, planted.path) })
  misread({ PROVIDERS_FILE: file('list', echo) })
  misread({
    PROVIDERS_FILE: file('key', { respond: [{ baseUrl: planted.url, model: planted.words, [planted.said]: 1 }] })
  })
  misread({ PROVIDERS_FILE: file('taken', { respond: [{ ...entry, keyVariable: 'OPERATOR_TOKEN' }] }) })
  misread({
    PROVIDERS_FILE: file('spaced', { respond: [{ ...entry, keyVariable: 'SPARE_KEY' }] }),
    SPARE_KEY: `${planted.openai} ${planted.speech}`
  })
  misread({ TOOLS_FILE: join(dir, planted.path) })
  misread({ TOOLS_FILE: file('tools', echo) })
  const leaking = { url: planted.url, headers: { [planted.said]: planted.token }, [planted.words]: 1 }
  misread({ TOOLS_FILE: file('servers', { servers: { notes: leaking, [planted.said]: leaking } }) })
  misread({ TWILIO_ACCOUNTS_FILE: join(dir, planted.path) })
  const account = { sid: planted.token, [planted.said]: 1, senders: [planted.words], authTokenVariable: planted.openai }
  misread({ TWILIO_ACCOUNTS_FILE: file('accounts', { accounts: [account] }) })
  misread({ BUDGETS_FILE: join(dir, planted.path) })
  const odd = { [planted.said]: 1, tokensPerDay: planted.words }
  misread({ BUDGETS_FILE: file('budgets', { ...odd, tenants: { [planted.openai]: odd } }) })
  misread({ BUDGETS_FILE: file('nobody', { tenants: { [planted.openai]: {} } }) })
  misread({ TWILIO_API_KEY_SID: '' })
  misread({ MONGODB_URI: `mongodb://u:${planted.token}@h/${planted.path}`, NODE_ENV: 'production' })
  const everything = await fail({ ...bad, TOOLS_FILE: planted.path, MONGODB_URI: `mongodb://u:${planted.token}@/` })
  const named = variables.map(({ name }) => name).filter(name => everything.includes(name))
  const anyText = [
    'PROVIDERS_FILE',
    'TOOLS_FILE',
    'TWILIO_ACCOUNTS_FILE',
    'BUDGETS_FILE',
    'DATA_DIR',
    'AUDIT_HEADS_FILE'
  ]
  t.same(
    variables.map(({ name }) => name).filter(name => !named.includes(name) && !anyText.includes(name)),
    [],
    'each bad variable is named'
  )
  // A folder below a file, one that another server holds, and one whose keys another master key has wrapped.
  writeFileSync(join(dir, 'file'), echo)
  await fail({ ...good, DATA_DIR: join(dir, 'file', 'store') })
  const other = startProcess('src/server.ts', { ...good, DATA_DIR: join(dir, 'other') })
  t.teardown(() => other.kill('SIGKILL'))
  await until(() => other.output().includes('server.listening'), startMs, other)
  await fail({ ...good, DATA_DIR: join(dir, 'other') })
  await other.kill('SIGTERM')
  await fail({ ...good, DATA_DIR: join(dir, 'other'), MASTER_KEY: Buffer.alloc(32, planted.words).toString('base64') })
  t.strictSame(leaksOf([...said, other.output()].join('\n')), [])
})

t.test('the search finds what was planted in each spelling', async t => {
  const names = Object.keys(planted)
  const base64 = Object.values(planted).map(value => Buffer.from(`${value.length}: ${value}!`).toString('base64'))
  const spellings = [
    ...[echo, JSON.stringify({ deep: JSON.stringify({ echo }) }), encodeURIComponent(echo), echo.toUpperCase()],
    ...[ascii(echo), base64.join(' '), new URLSearchParams(planted).toString()]
  ]
  for (const text of spellings) t.strictSame(leaksOf(`{"msg":"${text}"}`), names)
  t.strictSame(leaksOf('{"event":"server.listening","port":35299,"store":"sqlite","workers":8}'), [])
})

const expectedCodes = [
  ...['AUDIO_EMPTY', 'AUDIO_NOT_AUDIO', 'AUDIO_TYPE_UNSUPPORTED', 'AUDIO_DAMAGED', 'AUDIO_NOT_FOUND'],
  ...['AUDIO_TOO_LONG', 'AUDIO_TOO_LARGE'],
  ...['AUDIO_UNAVAILABLE', 'AUDIO_HOST_REFUSED', 'SPEECH_EMPTY', 'SPEECH_UNREADABLE', 'NOTHING_TO_READ'],
  ...['PROVIDER_UNAVAILABLE', 'PROVIDER_REFUSED', 'PROVIDER_CONTENT_REFUSED', 'PROVIDER_GARBLED'],
  ...['AGENT_TOO_MANY_CALLS', 'SEND_UNAVAILABLE', 'SEND_REFUSED', 'SEND_UNDELIVERABLE', 'SEND_OPTED_OUT'],
  ...['SEND_WINDOW_CLOSED', 'WORK_BROKEN']
]

const expectedReasons = [
  ...['METHOD_NOT_ALLOWED', 'BODY_TOO_LARGE', 'TYPE_NOT_SUPPORTED', 'FORM_UNDECODABLE', 'FORM_TOO_MANY_PAIRS'],
  ...['SIGNATURE_MISSING', 'SIGNATURE_MALFORMED', 'SIGNATURE_INVALID', 'SIGNATURE_KEY_UNKNOWN', 'ACCOUNT_UNKNOWN'],
  ...['TARGET_NOT_CANONICAL', 'SENDER_UNKNOWN', 'FORM_REPEATED_KEY', 'FORM_KEY_REFUSED', 'FORM_INCOMPLETE'],
  ...['sender-not-allowed', 'rate-limited', 'opted-out']
]

/** How an attachment is answered: at the API's own address, with planted words wherever there is room for some. */
const media: Readonly<Record<string, (response: ServerResponse) => void>> = {
  fine: response => response.end(note.bytes),
  empty: response => response.end(),
  page: response => response.end(`<html>${echo}</html>`),
  damaged: response => response.end(note.bytes.subarray(0, 6_000)),
  amr: response => response.end(amrSecond()),
  silence: response => response.end(silence),
  absent: response => response.writeHead(404, plantedHeaders).end(echo),
  broken: response => response.writeHead(500, plantedHeaders).end(echo),
  foreign: response => response.writeHead(307, { location: planted.url }).end(echo),
  unreadable: response => response.end(opusSilence(6, 12)),
  long: response => response.end(opusSilence(3_600, 14)),
  large: response => void response.writeHead(200, { 'content-length': 20_000_000 }).write(echo),
  image: response => response.end(echo)
}

const plantedHeaders = { 'x-note': planted.header, 'retry-after': planted.header, 'content-type': planted.header }

/** Posts what is refused, with something planted in each place that a request has. */
async function refusedWebhooks(world: World, caller: Caller): Promise<number[]> {
  const { url, publicUrl } = world
  const path = '/webhooks/twilio/messages'
  const params = { ...caller.textParams(`${planted.words} ${planted.quoted}`), ProfileName: planted.name }
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': planted.header }
  const send = async (init: RequestInit, target = path) => (await fetch(url + target, init)).status
  const unsigned = (headers: Record<string, string>, body = new URLSearchParams(params).toString()) =>
    send({ method: 'POST', headers: { ...form, ...headers }, body })
  const signed = async (more: Record<string, string | readonly string[]>) =>
    (await caller.raw({ ...params, ...more })).status
  const valid = caller.sign(publicUrl + path, params)
  return [
    await unsigned({}),
    await unsigned({ 'x-twilio-signature': planted.header }),
    await unsigned({ 'x-twilio-signature': `${'A'.repeat(27)}=` }),
    await unsigned({
      'x-twilio-signature': valid,
      'x-twilio-webhooks-signature-settings': `key=${planted.header},algorithm=HMAC_SHA1`
    }),
    await unsigned({ 'x-twilio-signature': valid }, `Body=%FF${planted.words}`),
    await unsigned({ 'x-twilio-signature': valid }, `a=${planted.words}&`.repeat(201)),
    await unsigned({ 'x-twilio-signature': valid }, planted.words.repeat(6_000)),
    await unsigned({ 'x-twilio-signature': valid, 'content-type': 'application/json' }, echo),
    await send({ method: 'PUT', body: echo }),
    await send(
      { method: 'POST', headers: { ...form, 'x-twilio-signature': valid }, body: echo },
      `${path}?${planted.path}#`
    ),
    await send(
      { method: 'POST', headers: { ...form, 'x-twilio-signature': valid }, body: 'a=b' },
      `${path}?"${planted.path}\\`
    ),
    await send({ method: 'POST', headers: form, body: echo }, `/webhooks/twilio/${planted.path}?${planted.url}`),
    await send({ method: 'GET' }, `/${planted.path}?${planted.url}`),
    await signed({ To: `whatsapp:+${planted.digits}0000` }),
    await signed({ AccountSid: `AC${'0'.repeat(32)}` }),
    await signed({ From: `${planted.name} ${planted.words} is not an address` }),
    await signed({ ProfileName: [planted.name, planted.words] }),
    await signed({ [`__proto__`]: planted.words, [planted.url]: planted.words }),
    await signed({ NumMedia: planted.words }),
    await broken(url, `POST ${path} HTTP/1.1\r\nHost: ${planted.publicHost}\r\n${planted.header}\r\n\r\n${echo}`),
    await broken(
      url,
      `GET /${planted.path}/%zz%${planted.path} HTTP/1.1\r\nHost: ${planted.publicHost}\r\nConnection: close\r\n\r\n`
    ),
    await broken(url, `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${planted.header.repeat(2_000)}\r\n\r\n`)
  ]
}

/** Writes bytes that are no good request and answers with the status that came back. */
async function broken(url: string, bytes: string): Promise<number> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.end(bytes)
  await once(socket, 'close')
  return Number(/^HTTP\/1\.1 (\d+)/.exec(Buffer.concat(chunks).toString())?.[1])
}

async function operatorErrors(url: string, api: World['api']): Promise<number[]> {
  const json = { 'content-type': 'application/json' }
  const answers = [
    await fetch(`${url}/api/conversations`, { headers: { authorization: `Bearer ${planted.token}` } }),
    await api(`/api/executions/${planted.path}%20${encodeURIComponent(planted.words)}`),
    await api(`/api/executions/%zz${planted.path}`),
    await api(`/api/conversations?after=${encodeURIComponent(planted.url)}&${planted.path}=1`),
    await api(`/api/conversations/${planted.digits}`),
    await api(`/api/inbox/${planted.path}/retry`, { method: 'POST', headers: json, body: `{"${planted.words}":` }),
    await api(`/api/inbox/${planted.path}/retry`, { method: 'POST', headers: json, body: echo }),
    await api(`/api/inbox/${planted.path}/retry`, { method: 'POST', headers: json, body: 'null' }),
    await api(`/api/${planted.path}`)
  ]
  return answers.map(({ status }) => status)
}

/** Each planted string that stands in the text in any of its spellings. */
function leaksOf(text: string): string[] {
  const lower = text.toLowerCase()
  const plain = lower.replaceAll(/\\+/g, '')
  return Object.entries(planted).flatMap(([name, value]) => {
    const pieces = [value, ...value.split(/[^\p{L}\p{N}]+/u).filter(piece => piece.length >= 8)]
    const spelled = pieces.flatMap(piece => [
      ...[piece, JSON.stringify(piece).slice(1, -1), encodeURIComponent(piece), encodeURI(piece), ascii(piece)],
      ...[`${new URLSearchParams({ '': piece })}`.slice(1), piece.replaceAll(/\\/g, '')]
    ])
    const found = spelled.some(each => lower.includes(each.toLowerCase()) || plain.includes(each.toLowerCase()))
    return found || base64Of(value).some(each => text.includes(each)) ? [name] : []
  })
}

function ascii(text: string): string {
  return text.replaceAll(/[^ -~]/g, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The middle of a string's base64 at each of the three offsets that it can stand at. */
function base64Of(value: string): string[] {
  return ['', ' ', '  '].flatMap(before => {
    const encoded = Buffer.from(before + value)
    const middle = (text: string) => text.replace(/=+$/, '').slice(before === '' ? 0 : 4, -1)
    return [middle(encoded.toString('base64')), middle(encoded.toString('base64url'))]
  })
}

type World = Awaited<ReturnType<typeof hostileWorld>>

async function hostileWorld(t: Test) {
  const asked = new Map<string, number>()
  let [lists, told] = [0, 0]
  const modes = new Map<string, string>()
  const upstream = await listen(t, (request, body, response) => {
    response.setHeader('x-request-id', planted.header)
    const sid = /\/Media\/(ME\w+)/.exec(request)?.[1]
    if (sid !== undefined) return media[modes.get(sid) ?? 'fine']?.(response)
    if (request.startsWith('POST /2010')) {
      const wish = wishes[Number(/To=whatsapp%3A%2B1555765(\d{4})/.exec(body)?.[1] ?? 9_999)] ?? 'fine'
      if (!Object.hasOwn(sends, wish)) told += 1
      return (sends[wish] ?? (() => taken(response, body)))(response)
    }
    if (request.startsWith('GET /2010')) {
      lists += 1
      return refuse(500, {})(response)
    }
    if (request.includes('transcriptions')) return hear(body, response)
    const wish = wishes.findLast(each => body.includes(`"${each}: `)) ?? 'fine'
    asked.set(wish, (asked.get(wish) ?? 0) + 1)
    think(wish, body, response)
  })
  const dataDir = mkdtempSync(join(tmpdir(), 'knomly-leaks-'))
  const publicUrl = `https://${planted.publicHost}`
  let url = ''
  const running: ServerProcess[] = []
  t.teardown(async () => {
    await Promise.all(running.map(server => server.kill('SIGKILL')))
    rmSync(dataDir, { recursive: true, force: true })
  })
  return {
    publicUrl,
    get url() {
      return url
    },
    lists: () => lists,
    told: () => told,
    callerOf: (from: string) =>
      createCaller({
        ...{ accountSid: account, authToken: planted.token, publicUrl, deliverTo: url, from, to: us },
        profileName: planted.name
      }),
    mediaUrl(mode: string): string {
      const media = newSid('ME')
      modes.set(media, mode)
      return `${upstream}/2010-04-01/Accounts/${account}/Messages/${newSid('SM')}/Media/${media}`
    },
    api: (path: string, init: RequestInit = {}) =>
      fetch(url + path, { ...init, headers: { ...init.headers, authorization: `Bearer ${planted.operator}` } }),
    async metric(name: string): Promise<number> {
      const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n').filter(line => line.startsWith(name))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
    async start(entry: string): Promise<ServerProcess> {
      const server = startProcess(entry, { ...envOf(upstream, upstream), DATA_DIR: dataDir, PUBLIC_URL: publicUrl })
      running.push(server)
      const port = () => /"event":"server\.listening","port":(\d+)/.exec(server.output())?.[1]
      await until(() => port() !== undefined, startMs, server)
      url = `http://127.0.0.1:${port()}`
      return server
    }
  }
}

function envOf(twilio: string, openai: string): Record<string, string> {
  const people = [...wishes.keys(), ...Array.from({ length: 49 }, (_, i) => 50 + i)].map(numberOf)
  return {
    ...{ PORT: '0', PUBLIC_URL: `https://${planted.publicHost}`, LOG_LEVEL: 'trace', MAX_TOOL_CALLS: '3' },
    ...{ TWILIO_ACCOUNT_SID: account, TWILIO_AUTH_TOKEN: planted.token, TWILIO_AUTH_TOKEN_NEXT: planted.nextToken },
    ...{ TWILIO_API_KEY_SID: `SK${'6'.repeat(32)}`, TWILIO_API_KEY_SECRET: planted.restSecret },
    ...{ TWILIO_SHARED_KEYS: `webhooks_sharedkey_1=${planted.sharedKey}`, TWILIO_SENDERS: us, TWILIO_API_URL: twilio },
    ...{ OPENAI_API_KEY: planted.openai, OPENAI_BASE_URL: `${openai}/v1`, TRANSCRIBE_API_KEY: planted.speech },
    ...{ OPERATOR_TOKEN: planted.operator, MASTER_KEY: planted.master, RATE_LIMIT_PER_SENDER: '4' },
    ...{ ALLOWED_SENDERS: [...people, `whatsapp:US.${planted.user}`].join(',') }
  }
}

function numberOf(i: number): string {
  return `whatsapp:+${planted.digits}${String(i).padStart(4, '0')}`
}

/** Answers with an error that says everything it should not: all that is planted, also as its code, its type and its headers. */
function refuse(status: number, error: object) {
  const document = { code: planted.error, type: planted.error, param: planted.said, ...error }
  const body = JSON.stringify({
    ...document,
    message: echo,
    more_info: planted.url,
    error: { ...document, message: echo }
  })
  return (response: ServerResponse) => void response.writeHead(status, plantedHeaders).end(body)
}

const sends: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'opted out': refuse(400, { code: 21610 }),
  window: refuse(400, { code: 63016 }),
  undeliverable: refuse(400, { code: 21211 }),
  unauthorized: refuse(401, { code: 20003 }),
  throttled: refuse(429, { code: 20429 }),
  'send breaks': refuse(500, {}),
  'send garbled': response => void response.writeHead(201, plantedHeaders).end(echo),
  'send cut': response => response.destroy(),
  'list fails': refuse(502, {})
}

function taken(response: ServerResponse, body: string): void {
  const { Body, From, To } = Object.fromEntries(new URLSearchParams(body))
  response.writeHead(201).end(JSON.stringify({ sid: newSid('SM'), body: Body, from: From, to: To, note: echo }))
}

function hear(body: string, response: ServerResponse): void {
  const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
  if (body.includes(latin(silence))) response.end('{"text":"  "}')
  else if (body.includes(latin(note.bytes))) response.end(JSON.stringify({ text: planted.heard, segments: echo }))
  else refuse(400, {})(response)
}

function think(wish: string, body: string, response: ServerResponse): void {
  const isAnswered = wish !== 'loop' && body.includes('function_call_output')
  const act = failing[wish] ?? (isAnswered ? undefined : calling[wish])
  const reply = act ?? speak(`${planted.said} ${planted.url}`)
  reply(response)
}

const calling: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'unknown tool': call(planted.tool, { words: planted.argument }),
  'bad arguments': call('create_task', { title: 7, [planted.argument]: planted.argument }),
  'no JSON': call('create_task', planted.argument),
  deletes: call('delete_task', { id: planted.argument.slice(0, 20) }),
  explodes: call('explode', { words: echo }),
  loop: call('list_tasks', { done: null }),
  fine: call('create_task', { title: planted.argument, due: planted.said })
}

const failing: Readonly<Record<string, (response: ServerResponse) => void>> = {
  garbage: response => void response.end(`{"${planted.said}`),
  page: response => void response.end(`<html>${echo}</html>`),
  empty: response => answer([])(response),
  refuses: refuse(400, {}),
  'wrong key': refuse(401, {}),
  quota: refuse(429, { code: 'insufficient_quota' }),
  busy: response => void response.writeHead(429, { 'retry-after': '30', 'x-note': planted.header }).end(echo),
  breaks: refuse(500, {}),
  cut: response => response.destroy(),
  'sent away': response => void response.writeHead(307, { location: planted.url }).end(echo),
  filter: refuse(400, { code: 'content_filter' })
}

function speak(text: string) {
  return answer([{ type: 'message', content: [{ type: 'output_text', text }] }])
}

function call(name: string, args: object | string) {
  const text = typeof args === 'string' ? args : JSON.stringify(args)
  return answer([{ type: 'function_call', call_id: `${planted.said}-1`, name, arguments: text }])
}

function answer(output: object[]) {
  return (response: ServerResponse) =>
    void response.end(
      JSON.stringify({ id: planted.said, model: planted.said, status: 'completed', output, note: echo })
    )
}

async function listen(
  t: Test,
  handle: (request: string, body: string, response: ServerResponse) => void
): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    handle(`${request.method} ${request.url}`, Buffer.concat(chunks).toString('latin1'), response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

function isJson(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object'
  } catch {
    return false
  }
}
