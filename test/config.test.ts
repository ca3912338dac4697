import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { variables } from '../src/config/variables.ts'
import { ConfigError, readConfig } from '../src/config.ts'

const key = '0123456789abcdefghij0123456789ab'
const masterKey = Buffer.alloc(32, 7).toString('base64')
const whole = {
  PUBLIC_URL: 'https://voice.example.com',
  TWILIO_ACCOUNT_SID: 'ACc3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3',
  TWILIO_AUTH_TOKEN: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  TWILIO_SENDERS: 'whatsapp:+14155238886, +14155238886',
  ALLOWED_SENDERS: 'whatsapp:+4917600000000,whatsapp:US.13491208655302741918',
  OPENAI_API_KEY: 'sk-test'
}

function problemsOf(change: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig({ ...whole, ...change })
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

t.test('the required variables alone make a whole configuration', async t => {
  const config = readConfig(whole)
  t.match(config, {
    host: '127.0.0.1',
    port: 3_000,
    publicUrl: 'https://voice.example.com',
    twilioApiUrl: 'https://api.twilio.com',
    speech: 'openai',
    databaseUri: undefined,
    dataDir: resolve('data'),
    leaseMs: 15_000,
    maxToolCalls: 12,
    maxAudioSeconds: 600,
    timeZone: 'UTC',
    workerConcurrency: 8,
    rateLimitPerIp: 600,
    retention: { audioMs: 86_400_000, contentMs: 2_592_000_000, auditMs: 34_560_000_000 },
    logLevel: 'info'
  })
  t.strictSame(config.account, {
    sid: whole.TWILIO_ACCOUNT_SID,
    authTokens: [whole.TWILIO_AUTH_TOKEN],
    sharedKeys: new Map(),
    rest: { user: whole.TWILIO_ACCOUNT_SID, password: whole.TWILIO_AUTH_TOKEN },
    senders: ['whatsapp:+14155238886', '+14155238886'],
    allowed: new Set(['whatsapp:+4917600000000', 'whatsapp:US.13491208655302741918']),
    deletesMedia: false
  })
  t.strictSame(config.accounts, [config.account])
  t.strictSame(config.budgetsOf(config.account.sid), {
    ...{
      messagesPerMinute: 20,
      audioSecondsPerDay: 7_200,
      tokensPerDay: 2_000_000,
      callsPerHour: 300,
      sendsPerDay: 50
    },
    ...{ promptsPerHour: 6, openQuestions: 3, failedCodesPerDay: 6 }
  })
  const openai = { baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-test', api: 'responses' }
  t.match(config.providers, { transcribe: [openai], respond: [openai] })
  t.strictSame(config.warnings, ['rest-with-auth-token'])
})

t.test('an empty variable counts as unset', async t => {
  const empty = Object.fromEntries(variables.map(({ name }) => [name, '']))
  t.match(readConfig({ ...empty, ...whole }), { ...readConfig(whole), budgetsOf: Function })
})

t.test('each missing variable is told in a sentence of its own, all at once', async t => {
  const required = variables.filter(variable => variable.required).map(({ name }) => name)
  const problems = problemsOf(Object.fromEntries(Object.keys(whole).map(name => [name, undefined])))
  t.strictSame(
    problems.map(problem => problem.split(' ')[0]),
    required
  )
  for (const problem of problems) t.match(problem, /^[A-Z_]+ is missing: set it to .+\.$/)
})

t.test('each bad value is told in one sentence that names the variable and does not repeat the value', async t => {
  const short = 'S3cret'
  const long = `${short}${key}`
  const bad: Record<string, string[]> = {
    PORT: ['65536', '-1', '3e3', 'http'],
    SECRETS: ['S3cret', 'file', 'env:S3cret', 'vault:S3cret', 'vault:../S3cret', 'aws:a//b', 'file:'],
    VAULT_ADDR: ['http://vault.example.com', 'https://u:S3cret@vault.example.com', 'https://vault.example.com/v1'],
    VAULT_TOKEN: ['S3cret S3cret'],
    AWS_REGION: ['S3cret', 'eu'],
    AWS_ENDPOINT_URL: ['http://aws.example.com', 'ftp://127.0.0.1'],
    HOST: ['0.0.0.0/0', 'a b'],
    PUBLIC_URL: [
      'voice',
      'http://voice.example.com',
      'https://u:S3cret@voice.example.com',
      'https://voice.example.com/'
    ],
    TWILIO_ACCOUNT_SID: ['AC1', `SK${'0'.repeat(32)}`],
    TWILIO_AUTH_TOKEN: [short, `${long} `, `a b${long}`],
    TWILIO_AUTH_TOKEN_NEXT: [short, `${long}\n`],
    TWILIO_API_KEY_SID: ['AC00000000000000000000000000000000', short],
    TWILIO_API_KEY_SECRET: [short],
    TWILIO_SENDERS: ['whatsapp:14155238886', '+14155238886,', 'somebody'],
    TWILIO_API_URL: ['https://twilio.example.com', 'http://api.twilio.com', 'http://localhost:1/path', 'localhost:1'],
    TWILIO_SHARED_KEYS: ['key', 'key=S3cret', '=0123456789abcdef'],
    OPENAI_API_KEY: ['sk S3cret'],
    OPENAI_BASE_URL: [
      'api',
      'file:///v1',
      'https://u:S3cret@api.example.com/v1',
      'https://api.example.com/v1?key=S3cret'
    ],
    TRANSCRIBE_MODEL: ['two words'],
    AGENT_API: ['Responses'],
    SPEECH: ['yes'],
    MONGODB_URI: [
      'db',
      'http://u:S3cret@db',
      'mongodb://u:S3cret@',
      'mongodb:///S3cret',
      'mongodb://u:S3cret/x@db',
      'mongodb://u:S3cret@db:99999',
      'mongodb://u:S3cret@db/?tls=maybe',
      'mongodb://db/S3cret.x',
      `mongodb://db/S3cret${'x'.repeat(64)}`,
      'mongodb://u:S3cret@db/?S3cret=1',
      'mongodb+srv://u:S3cret@one.example.com,two.example.com'
    ],
    MONGODB_INSECURE: ['yes', 'Allow'],
    ALLOWED_SENDERS: ['everybody', '+1', 'whatsapp:*'],
    OPERATOR_TOKEN: [short, `${short}${'x'.repeat(25)}`, `${long} y`],
    MASTER_KEY: [short, Buffer.alloc(31, 1).toString('base64'), Buffer.alloc(32, 1).toString('hex')],
    LEASE_SECONDS: ['1', '301', '15s', '1.5'],
    MAX_TOOL_CALLS: ['51', '0'],
    TIME_ZONE: ['Berlin', 'Europe/Nowhere'],
    TRUST_PROXY: ['everyone', '10.0.0.0/33', '0.0.0.0/0', '10.0.0.1/8/9'],
    LOG_LEVEL: ['verbose']
  }
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const problems = problemsOf({ [name]: value })
      t.equal(problems.length, 1, `${name} is refused`)
      t.match(
        problems[0],
        new RegExp(`^${name} is (not valid|not https|not a URL|more than an origin)\\b.*[:,] .+\\.$`)
      )
      t.notMatch(problems[0], /S3cret/, `the value of ${name} is not repeated`)
    }
  }
})

t.test('bounds are inside, and a loopback host may be anything', async t => {
  const config = readConfig({
    ...whole,
    PORT: '0',
    PUBLIC_URL: 'http://127.0.0.1:4000',
    TWILIO_API_URL: 'http://[::1]:4001/',
    LEASE_SECONDS: '2',
    MAX_TOOL_CALLS: '50',
    WORKER_CONCURRENCY: '0',
    RATE_LIMIT_PER_SENDER: '0',
    TRUST_PROXY: '10.0.0.0/8, ::1',
    MASTER_KEY: masterKey,
    OPERATOR_TOKEN: key,
    TIME_ZONE: 'Europe/Berlin'
  })
  t.match(config, { port: 0, publicUrl: 'http://127.0.0.1:4000', twilioApiUrl: 'http://[::1]:4001', leaseMs: 2_000 })
  t.match(config, {
    workerConcurrency: 0,
    trustProxy: ['10.0.0.0/8', '::1'],
    operatorToken: key
  })
  t.strictSame(config.masterKey, Buffer.alloc(32, 7))
})

t.test('an account rotates its token, uses an API key and knows shared keys', async t => {
  const { account, warnings } = readConfig({
    ...whole,
    TWILIO_AUTH_TOKEN_NEXT: key,
    TWILIO_API_KEY_SID: `SK${'a'.repeat(32)}`,
    TWILIO_API_KEY_SECRET: 'b'.repeat(32),
    TWILIO_SHARED_KEYS: `webhooks_sharedkey_1=${key}==, two=${key}`,
    ALLOWED_SENDERS: '*'
  })
  t.strictSame(account.authTokens, [whole.TWILIO_AUTH_TOKEN, key])
  t.strictSame(account.rest, { user: `SK${'a'.repeat(32)}`, password: 'b'.repeat(32) })
  t.strictSame(
    [...account.sharedKeys],
    [
      ['webhooks_sharedkey_1', `${key}==`],
      ['two', key]
    ]
  )
  t.equal(account.allowed, '*')
  t.strictSame(warnings, ['everybody-allowed'])
})

t.test('half of an API key is refused', async t => {
  t.match(problemsOf({ TWILIO_API_KEY_SID: `SK${'a'.repeat(32)}` }), [/^TWILIO_API_KEY_SECRET is missing/])
  t.match(problemsOf({ TWILIO_API_KEY_SECRET: key }), [/^TWILIO_API_KEY_SID is missing/])
})

t.test('a key goes only to the server it is for', async t => {
  const elsewhere = readConfig({ ...whole, TRANSCRIBE_BASE_URL: 'http://127.0.0.1:9000/v1/' })
  t.match(elsewhere.providers.transcribe, [{ baseUrl: 'http://127.0.0.1:9000/v1', apiKey: undefined }])
  t.match(elsewhere.providers.respond, [{ apiKey: 'sk-test' }])
  t.ok(elsewhere.warnings.includes('transcribe-without-key'))

  const own = { TRANSCRIBE_BASE_URL: 'http://127.0.0.1:9000/v1', TRANSCRIBE_API_KEY: 'its-own' }
  t.match(readConfig({ ...whole, ...own }).providers.transcribe, [{ apiKey: 'its-own' }])

  const same = { OPENAI_BASE_URL: 'http://127.0.0.1:9000/v1', TRANSCRIBE_BASE_URL: 'http://127.0.0.1:9000/speech' }
  t.match(readConfig({ ...whole, ...same }).providers.transcribe, [{ apiKey: 'sk-test' }])
})

t.test('a key is needed for the OpenAI API and for no other server', async t => {
  t.match(problemsOf({ OPENAI_API_KEY: undefined }), [/^OPENAI_API_KEY is missing/])
  t.match(problemsOf({ OPENAI_API_KEY: undefined, SPEECH: 'local' }), [/^OPENAI_API_KEY is missing/])
  const ollama = readConfig({
    ...whole,
    OPENAI_API_KEY: undefined,
    OPENAI_BASE_URL: 'http://ollama:11434/v1',
    AGENT_API: 'chat'
  })
  t.match(ollama.providers.respond, [{ baseUrl: 'http://ollama:11434/v1', apiKey: undefined, api: 'chat' }])
  t.ok(ollama.warnings.includes('provider-without-tls'))
  t.strictSame(readConfig({ ...whole, SPEECH: 'local' }).providers.transcribe, [])
})

t.test('a providers file lists fallbacks and names the variables of their keys', async t => {
  const dir = t.testdir({
    'both.json': JSON.stringify({
      transcribe: [{ baseUrl: 'http://127.0.0.1:9000/v1', model: 'whisper' }],
      respond: [
        { baseUrl: 'https://api.example.com/v1/', model: 'large', keyVariable: 'LARGE_KEY' },
        { baseUrl: 'http://127.0.0.1:11434/v1', model: 'small', api: 'chat' }
      ]
    }),
    'leak.json': JSON.stringify({
      respond: [{ baseUrl: 'http://127.0.0.1/', model: 'm', keyVariable: 'TWILIO_AUTH_TOKEN' }]
    }),
    'misfit.json': JSON.stringify({ respond: [{ baseUrl: 'https://api.example.com/v1', model: 'm', key: 'S3cret' }] }),
    'broken.json': '{"respond": S3cret}'
  })
  const withFile = (file: string) => ({
    PROVIDERS_FILE: join(dir, file),
    OPENAI_API_KEY: undefined,
    LARGE_KEY: 'large-key'
  })
  t.strictSame(readConfig({ ...whole, ...withFile('both.json') }).providers, {
    transcribe: [
      {
        baseUrl: 'http://127.0.0.1:9000/v1',
        apiKey: undefined,
        model: 'whisper',
        api: 'responses'
      }
    ],
    respond: [
      {
        baseUrl: 'https://api.example.com/v1',
        apiKey: 'large-key',
        model: 'large',
        api: 'responses'
      },
      { baseUrl: 'http://127.0.0.1:11434/v1', apiKey: undefined, model: 'small', api: 'chat' }
    ]
  })
  t.ok(readConfig({ ...whole, ...withFile('both.json'), AGENT_MODEL: 'x' }).warnings.includes('setting-without-effect'))
  t.match(problemsOf({ ...withFile('both.json'), LARGE_KEY: '' }), [/^LARGE_KEY is missing/])
  t.match(problemsOf({ ...withFile('leak.json'), SPEECH: 'local' }), [/^PROVIDERS_FILE names TWILIO_AUTH_TOKEN, /])
  t.strictSame(problemsOf(withFile('misfit.json')), [
    'PROVIDERS_FILE does not fit at respond.0: compare it with the README.'
  ])
  t.match(problemsOf(withFile('broken.json')), [/^PROVIDERS_FILE cannot be read as JSON/])
  t.match(problemsOf(withFile('absent.json')), [/^PROVIDERS_FILE cannot be read as JSON/])
})

t.test('MCP servers and how far their tools are trusted come from a file that is read strictly', async t => {
  const notes = { command: 'node', args: ['notes.js'], env: { NOTES_KEY: { secret: 'notes-key' }, MODE: 'read' } }
  const hash = 'a'.repeat(64)
  const tools = { search_notes: 'R0', add_note: { class: 'W0', hash }, delete_note: 'D' }
  const crm = { url: 'https://crm.example/mcp', headers: { authorization: { secret: 'crm-token' } } }
  const read = (content: unknown) => {
    const dir = t.testdir({ 'tools.json': typeof content === 'string' ? content : JSON.stringify(content) })
    return { TOOLS_FILE: join(dir, 'tools.json') }
  }
  const { toolServers } = readConfig({ ...whole, ...read({ servers: { notes: { ...notes, tools }, crm } }) })
  t.match(toolServers, [
    { name: 'notes', reached: { by: 'stdio', ...notes } },
    { name: 'crm', reached: { by: 'http', ...crm } }
  ])
  t.strictSame(
    [...(toolServers[0]?.tools ?? [])],
    [
      ['search_notes', { class: 'R0' }],
      ['add_note', { class: 'W0', hash }],
      ['delete_note', { class: 'D' }]
    ]
  )
  t.strictSame(readConfig(whole).toolServers, [])

  const server = (given: object) => ({ servers: { crm: { ...crm, ...given } } })
  const url = 'must be an https URL without user, password and fragment (http for a loopback host only)'
  const bad: [object, string][] = [
    [server({ tools: { a: 'R9' } }), 'servers.crm.tools.a: must be one of R0, R1, W0, W1, D, X, H, K'],
    [server({ tools: { a: 'r0' } }), 'servers.crm.tools.a: must be one of R0, R1, W0, W1, D, X, H, K'],
    [
      server({ tools: { a: { class: 'R0', hash: 'S3cret' } } }),
      'servers.crm.tools.a.hash: must be 64 hex digits, as "knomly tools" shows them'
    ],
    [server({ url: 'http://crm.example/mcp' }), `servers.crm.url: ${url}`],
    [server({ url: 'https://u:S3cret@crm.example/' }), `servers.crm.url: ${url}`],
    [server({ url: 'file:///etc/passwd' }), `servers.crm.url: ${url}`],
    [server({ url: 'http://169.254.169.254/latest' }), `servers.crm.url: ${url}`],
    [server({ url: 'http://[::ffff:127.0.0.1]/' }), `servers.crm.url: ${url}`],
    [server({ url: 'http://0.0.0.0/' }), `servers.crm.url: ${url}`],
    [server({ url: 'http://localhost.crm.example/' }), `servers.crm.url: ${url}`],
    [server({ url: 'http://127.0.0.1@crm.example/' }), `servers.crm.url: ${url}`],
    [server({ command: 'node' }), 'servers.crm: a name there is not known'],
    [
      server({ headers: { a: { secret: 'S3cret name' } } }),
      'servers.crm.headers.a.secret: must be the name of a secret, such as notes-key'
    ],
    [server({ headers: { a: { secret: 'a', S3cret: 1 } } }), 'servers.crm.headers.a: a name there is not known'],
    [server({ headers: { 'S3cret header\n': 'a' } }), 'servers.crm.headers.…: compare it with the README'],
    [{ servers: { a__b: crm } }, 'servers.a__b: compare it with the README'],
    [{ servers: { 'S3cret!': crm } }, 'servers.…: compare it with the README'],
    [{ servers: { crm }, S3cret: 1 }, 'its top: a name there is not known'],
    [{}, 'servers: compare it with the README']
  ]
  for (const [file, sentence] of bad) t.strictSame(problemsOf(read(file)), [`TOOLS_FILE does not fit at ${sentence}.`])
  t.match(problemsOf(read('{"servers": S3cret}')), [/^TOOLS_FILE cannot be read as JSON/])
  t.match(problemsOf({ TOOLS_FILE: '/S3cret/tools.json' }), [/^TOOLS_FILE cannot be read as JSON: check/])
  t.strictSame(problemsOf(read(server({ url: 'http://127.0.0.1:9/mcp' }))), [])
})

t.test('a database is used with the master key that its other processes have', async t => {
  const uri = 'mongodb://127.0.0.1/knomly?replicaSet=rs0'
  t.equal(readConfig({ ...whole, MONGODB_URI: uri, MASTER_KEY: masterKey }).databaseUri, uri)
  t.match(problemsOf({ MONGODB_URI: uri }), [/^MASTER_KEY is missing: set it to .*, the same for every process.*\.$/])
})

t.test('in production a database asks who calls and is not spoken to in the clear', async t => {
  const production = { NODE_ENV: 'production', MASTER_KEY: masterKey }
  const [user, tls] = [/has no credentials \(user:password@\)/, /has no TLS with checked certificates \(tls=true\)/]
  const both = /has no credentials \(.*\) and no TLS with .*: add that, or set MONGODB_INSECURE=allow\.$/
  const cases: [string, RegExp | null][] = [
    ['mongodb://u:S3cret@db/?tls=true', null],
    ['mongodb://u:S3cret@db/?ssl=true', null],
    ['mongodb+srv://u:S3cret@db.example.com', null],
    ['mongodb://db/?tls=true&authMechanism=MONGODB-X509', null],
    ['mongodb://one,two/?replicaSet=rs0', both],
    ['mongodb://u:S3cret@db', tls],
    ['mongodb+srv://u:S3cret@db.example.com/?tls=false', tls],
    ['mongodb://u:S3cret@db/?tls=true&tlsInsecure=true', tls],
    ['mongodb://u:S3cret@db/?tls=true&tlsAllowInvalidCertificates=true', tls],
    ['mongodb://u:S3cret@db/?tls=true&tlsAllowInvalidHostnames=true', tls],
    ['mongodb://db/?authMechanism=MONGODB-X509', tls],
    ['mongodb+srv://db.example.com', user],
    ['mongodb://S3cret@db/?tls=true', user],
    ['mongodb://S3cret:@db/?tls=true', user]
  ]
  for (const [MONGODB_URI, sentence] of cases) {
    const problems = problemsOf({ ...production, MONGODB_URI })
    t.match(problems, sentence === null ? [] : [sentence], MONGODB_URI)
    t.equal(problems.length, sentence === null ? 0 : 1)
    t.notMatch(problems, [/S3cret/])
    t.strictSame(problemsOf({ ...production, MONGODB_URI, NODE_ENV: '' }), [], 'elsewhere it is taken')
    const { databaseUri, warnings } = readConfig({ ...whole, ...production, MONGODB_URI, MONGODB_INSECURE: 'allow' })
    t.equal(databaseUri, MONGODB_URI)
    t.equal(warnings.includes('database-without-protection'), sentence !== null)
  }
})

t.test('each source of secrets asks for what belongs to it', async t => {
  const sourceOf = (env: Record<string, string>) => readConfig({ ...whole, ...env }).secrets
  const valuesOf = (source: object) => ('values' in source ? source.values : null) as Map<string, unknown>
  t.strictSame([...valuesOf(sourceOf({}))], [])
  const env = sourceOf({ SECRETS: 'env', KNOMLY_SECRET_CRM_TOKEN: 'S3cret', KNOMLY_SECRET_EMPTY: '' })
  t.strictSame([...valuesOf(env).keys()], ['CRM_TOKEN'])
  t.match(sourceOf({ SECRETS: 'file:/run/secrets.json' }), { kind: 'file', path: '/run/secrets.json' })

  const vault = { SECRETS: 'vault', VAULT_ADDR: 'https://vault.example.com:8200', VAULT_TOKEN: 'S3cret' }
  const address = vault.VAULT_ADDR
  t.match({ ...sourceOf(vault), token: '' }, { kind: 'vault', address, mount: 'secret', prefix: 'knomly' })
  const elsewhere = { ...sourceOf({ ...vault, SECRETS: 'vault:kv/apps/voice' }), token: '' }
  t.match(elsewhere, { mount: 'kv', prefix: 'apps/voice' })
  t.match(problemsOf({ SECRETS: 'vault' }), [/^VAULT_ADDR is missing/, /^VAULT_TOKEN is missing/])

  const aws = { SECRETS: 'aws', AWS_REGION: 'eu-central-1' }
  t.match(sourceOf(aws), { kind: 'aws', region: 'eu-central-1', prefix: 'knomly', key: undefined })
  t.match(sourceOf({ ...aws, SECRETS: 'aws:prod/voice' }), { prefix: 'prod/voice' })
  t.match(problemsOf({ SECRETS: 'aws' }), [/^AWS_REGION is missing/])
  for (const half of [{ AWS_ACCESS_KEY_ID: 'AKIA1' }, { AWS_SECRET_ACCESS_KEY: 'S3cret' }]) {
    t.match(problemsOf({ ...aws, ...half }), [/^AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together/])
  }
})

t.test('.env.example holds every variable with its meaning and no value', async t => {
  const lines = variables.map(({ name, meaning, required, default: standard }) => {
    const remark = required ? ' (required)' : standard === undefined ? '' : ` (default: ${standard})`
    return `# ${meaning}${remark}\n${name}=\n`
  })
  t.equal(readFileSync(join(import.meta.dirname, '../.env.example'), 'utf8'), lines.join(''))
})
