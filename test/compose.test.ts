import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { variables } from '../src/config/variables.ts'
import { readConfig } from '../src/config.ts'

interface Service {
  readonly image: string
  readonly build?: string
  readonly environment?: Readonly<Record<string, string | null>>
  readonly ports?: readonly string[]
  readonly networks?: readonly string[]
  readonly network_mode?: string
  readonly restart: string
  readonly stop_grace_period: string
  readonly mem_limit: string
  readonly read_only: boolean
  readonly cap_drop: readonly string[]
  readonly cap_add?: readonly string[]
  readonly security_opt: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, { condition: string }>>
}

interface Network {
  readonly internal?: boolean
  readonly ipam?: { readonly config: readonly { readonly subnet: string }[] }
}

const read = (file: string) => readFileSync(join(import.meta.dirname, '..', file), 'utf8')
const text = read('compose.yaml')
const compose: { services: Record<string, Service>; networks: Record<string, Network | null> } = parse(text, {
  merge: true
})
const services = Object.entries(compose.services)
const named = (prefix: string) => services.filter(([name]) => name.startsWith(prefix))
const receivers = named('receiver-')
const servers = [...receivers, ...named('worker-')]
const members = named('mongo-').filter(([name]) => /\d$/.test(name))
const longRunning = [...named('proxy'), ...servers, ...members]
const once = services.filter(([name]) => !longRunning.some(([other]) => other === name))

// What the image sets, and what names a file that would have to be brought into the containers.
const notPassed = ['HOST', 'PORT', 'DATA_DIR', 'PROVIDERS_FILE', 'TOOLS_FILE', 'TWILIO_ACCOUNTS_FILE', 'BUDGETS_FILE']
const ownPasswords = ['MONGODB_PASSWORD', 'MONGODB_ADMIN_PASSWORD']

t.test('there are two receivers, two workers and three members', async t => {
  t.strictSame([receivers.length, servers.length, members.length], [2, 4, 3])
  t.strictSame(once.map(([name]) => name).toSorted(), ['mongo-key', 'mongo-users'])
})

t.test('the proxy alone publishes a port to the world', async t => {
  const publishing = services.filter(([, { ports = [] }]) => ports.some(port => !port.startsWith('127.0.0.1:')))
  t.strictSame(
    publishing.map(([name]) => name),
    ['proxy']
  )
  t.ok(services.every(([, service]) => service.network_mode !== 'host'))
})

t.test('the proxy forwards /webhooks/ to the receivers, and everything else is not there', async t => {
  const [address, site] = blocks(read('deploy/caddy/Caddyfile')).find(([head]) => head !== '') ?? []
  t.equal(address, '{$PUBLIC_URL}')
  const inside = new Map(blocks(site ?? ''))
  t.strictSame([...inside.keys()], ['@webhooks', 'handle @webhooks', 'handle'])
  const matched = inside.get('@webhooks')?.split('\n')
  t.strictSame(matched, ['path /webhooks/*', 'vars_regexp {http.request.orig_uri} ^/webhooks/'])
  const to = receivers.map(([name]) => `${name}:3000`).join(' ')
  t.strictSame(
    blocks(inside.get('handle @webhooks') ?? '').map(([head]) => head),
    [`reverse_proxy ${to}`]
  )
  t.equal(inside.get('handle'), 'respond 404')
  t.match(inside.get('handle @webhooks'), /health_uri \/health\/ready\n/)
})

t.test('receivers receive, and workers are not reached', async t => {
  const front = compose.services.proxy?.networks
  t.strictSame(front, ['front'])
  for (const [name, { environment, networks }] of receivers) {
    t.equal(environment?.WORKER_CONCURRENCY, '0', name)
    t.ok(networks?.includes('front'), name)
  }
  for (const [name, { environment, networks }] of named('worker-')) {
    t.notMatch(environment?.WORKER_CONCURRENCY, /^0$/, name)
    t.notOk(networks?.includes('front'), name)
  }
  const subnet = compose.networks.front?.ipam?.config[0]?.subnet
  t.ok(subnet)
  for (const [name, { environment }] of servers) t.equal(environment?.TRUST_PROXY, subnet, name)
})

t.test('what runs comes back, is looked after and has time to stop', async t => {
  for (const [name, service] of longRunning) {
    t.equal(service.restart, 'unless-stopped', name)
    t.equal(service.stop_grace_period, '30s', name)
    const ownImage = service.image === 'knomly' && read('Dockerfile').includes('\nHEALTHCHECK ')
    t.ok(service.healthcheck?.test ?? ownImage, `${name} has a health check`)
  }
  for (const [name, service] of once) t.equal(service.restart, 'no', name)
})

t.test('nothing starts before what it needs', async t => {
  for (const [name, { depends_on }] of members) t.match(depends_on, completed('mongo-key'), name)
  for (const [name, { depends_on }] of servers) t.match(depends_on, completed('mongo-users'), name)
  for (const [name] of receivers) {
    t.equal(compose.services.proxy?.depends_on?.[name]?.condition, 'service_healthy', name)
  }
})

t.test('the database is reached by the servers alone', async t => {
  t.equal(compose.networks.database?.internal, true)
  for (const [name, { networks, ports }] of members) t.strictSame([networks, ports], [['database'], undefined], name)
  const joined = services.filter(([, { networks }]) => networks?.includes('database')).map(([name]) => name)
  t.strictSame(joined.toSorted(), [...servers, ...members].map(([name]) => name).toSorted())
})

t.test('a container can do no more than it needs', async t => {
  for (const [name, service] of services) {
    t.equal(service.read_only, true, name)
    t.strictSame(service.cap_drop, ['ALL'], name)
    t.strictSame(service.cap_add ?? [], name === 'proxy' ? ['NET_BIND_SERVICE'] : [], name)
    t.strictSame(service.security_opt, ['no-new-privileges:true'], name)
    t.match(service.mem_limit, /^\d+[mg]$/, name)
  }
})

t.test('the image is built once, and the others are pinned', async t => {
  for (const [name, { image }] of servers) t.equal(image, 'knomly', name)
  t.equal(services.filter(([, { build }]) => build !== undefined).length, 1)
  for (const [name, { image }] of services) if (image !== 'knomly') t.match(image, /^\w+:\d+\.\d+/, name)
})

t.test('every variable that a server has is known, and every known one reaches it', async t => {
  const known = variables.map(({ name }) => name)
  for (const [name, { environment = {} }] of servers) {
    const given = Object.keys(environment).filter(variable => variable !== 'NODE_ENV')
    t.strictSame(given.toSorted(), known.filter(variable => !notPassed.includes(variable)).toSorted(), name)
    t.equal(environment.NODE_ENV, 'production', name)
  }
})

t.test('no secret has a value in the file, and what must be there is asked for in a sentence', async t => {
  const required = [...variables.filter(({ required }) => required).map(({ name }) => name), 'MASTER_KEY']
  const asked = new Set([...text.matchAll(/\$\{(\w+):\?set it in \.env to [^}]+\}/g)].map(([, name]) => name))
  t.strictSame([...asked].toSorted(), [...required, ...ownPasswords].toSorted())
  const defaults = [...text.matchAll(/\$\{(\w+):?-/g)].map(([, name]) => name)
  t.strictSame([...new Set(defaults)], ['FRONT_SUBNET'])

  const secrets = [...variables.filter(({ secret }) => secret).map(({ name }) => name), ...ownPasswords]
  const told = services.flatMap(([name, { environment = {} }]) =>
    secrets.map(secret => ({ name, secret, value: environment[secret]?.replace(/\$\{\w+:\?[^}]*\}/, 'asked') ?? '' }))
  )
  const values = new Set(told.filter(({ secret }) => secret !== 'MONGODB_URI').map(({ value }) => value))
  t.strictSame([...values].toSorted(), ['', 'asked'])
  const uris = told.filter(({ name, secret }) => secret === 'MONGODB_URI' && compose.services[name]?.image === 'knomly')
  for (const { name, value } of uris) t.match(value, /^mongodb:\/\/knomly:asked@/, name)
  const holders = services.filter(([, { environment = {} }]) => 'MONGODB_ADMIN_PASSWORD' in environment)
  t.strictSame(
    holders.map(([name]) => name),
    ['mongo-users']
  )
})

t.test('a server starts with what it is given', async t => {
  const written: Record<string, string> = {
    PUBLIC_URL: 'https://voice.example.com',
    TWILIO_ACCOUNT_SID: 'ACc3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3',
    TWILIO_AUTH_TOKEN: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
    TWILIO_SENDERS: 'whatsapp:+14155238886',
    ALLOWED_SENDERS: 'whatsapp:+4917600000000',
    OPENAI_API_KEY: 'sk-test',
    MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    MONGODB_PASSWORD: 'f'.repeat(64)
  }
  for (const [name, { environment = {} }] of servers) {
    const given = Object.entries(environment).map(([variable, value]) => {
      const filled = value?.replaceAll(
        /\$\{(\w+):.([^}]*)\}/g,
        (_, other: string, rest: string) => written[other] ?? rest
      )
      return [variable, filled ?? written[variable]]
    })
    t.doesNotThrow(() => readConfig(Object.fromEntries(given)), name)
  }
})

function completed(service: string) {
  return { [service]: { condition: 'service_completed_successfully' } }
}

/** The blocks of a Caddyfile on its outermost level, as head and content without comments and indentation. */
function blocks(source: string): [head: string, content: string][] {
  const found: [string, string][] = []
  const lines = source.split('\n').map(line => line.trim())
  let content: string[] = []
  let depth = 0
  for (const line of lines.filter(line => line !== '' && !line.startsWith('#'))) {
    if (line === '}') depth -= 1
    if (depth > 0) content.push(line)
    else if (line === '}') found.at(-1)?.splice(1, 1, content.join('\n'))
    if (!line.endsWith('{')) continue
    if (depth === 0) {
      content = []
      found.push([line.slice(0, -1).trim(), ''])
    }
    depth += 1
  }
  return found
}
