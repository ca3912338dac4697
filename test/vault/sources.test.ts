import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Failure } from '../../src/frames/failure.ts'
import { openAwsSource } from '../../src/vault/aws.ts'
import { createEnvSource, secretsIn } from '../../src/vault/env.ts'
import { openFileSource } from '../../src/vault/file.ts'
import { createHashicorpSource } from '../../src/vault/hashicorp.ts'
import { openSource } from '../../src/vault/open-source.ts'
import { createSecrets } from '../../src/vault/scoped-secrets.ts'
import { Secret } from '../../src/vault/secret.ts'
import type { SecretSource } from '../../src/vault/secrets.ts'
import { type Answer, type Seen, standIn } from './http-stand-in.ts'

const ours = `AC${'a1'.repeat(16)}`
const theirs = `AC${'b2'.repeat(16)}`
const value = 'tkn-5f1d0c77e2'
const token = 'hvs.planted-token-1'

/** What a call of `tool` is handed, or why it is not: the word of the failure and of what is behind it. */
async function asked(source: SecretSource, name = 'crm-token', tool = 'crm__find', tenant = ours, timeoutMs = 5_000) {
  const clock = { monotonic: () => 0 }
  const secrets = createSecrets({ source, clock, handedOut: () => {}, timeoutMs })
  const scope = { tenant, principal: 'ana', tool }
  try {
    return await secrets.withSecret(name, scope, async secret => secret.reveal())
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const told = [error.stack, String(error.cause), JSON.stringify(error)].join('\n')
    if ([value, token, 'planted'].some(word => told.includes(word))) throw new Error('the failure tells the secret')
    return `${error.code} ${(error.cause as { code: string }).code}`
  }
}

t.test('variables: a secret is of the tenant that it names, and of the only tenant where it names none', async t => {
  const env = { KNOMLY_SECRET_CRM_TOKEN: 'short form', [`KNOMLY_SECRET_${theirs}__CRM_TOKEN`]: value, PATH: '/bin' }
  const values = secretsIn(env)
  const [alone, both] = [createEnvSource(values, [ours]), createEnvSource(values, [ours, theirs])]
  t.equal(await asked(alone), 'short form')
  t.equal(await asked(both), 'SECRET_UNAVAILABLE none', 'with two tenants it is nobody’s')
  t.equal(await asked(both, 'crm-token', 'crm__find', theirs), value)
  t.equal(await asked(alone, 'crm-token', 'crm__find', theirs), value)
  t.equal(await asked(alone, 'crm'), 'SECRET_UNAVAILABLE none')
  t.strictSame(
    alone
      .known?.()
      .map(secret => secret.reveal())
      .toSorted(),
    ['short form', value].toSorted()
  )
})

t.test('a name is never a path, another variable or the secret of another tenant', async t => {
  const reads: string[] = []
  const source: SecretSource = {
    async read(tenant, name) {
      reads.push(`${tenant}/${name}`)
      return { value: new Secret(value) }
    }
  }
  const names = [
    ...[
      '',
      '../x',
      `../${theirs}/crm-token`,
      'a/b',
      'a\\b',
      'CRM',
      'a_b',
      'a--b',
      '-a',
      'a-',
      'a.b',
      'a b',
      'a\n',
      'é'
    ],
    ...['a%2fb', '__proto__', 'a'.repeat(64), '１']
  ]
  for (const name of names) t.equal(await asked(source, name), 'SECRET_UNAVAILABLE name', JSON.stringify(name))
  for (const tenant of ['', '..', 'AC/1', 'AC__1', '__proto__']) {
    t.equal(await asked(source, 'a', 'x', tenant), 'SECRET_UNAVAILABLE name', tenant)
  }
  t.strictSame(reads, [], 'the source is not even asked')
})

t.test('a file is read anew, gives a secret to its tools alone, and stops the start where it does not fit', async t => {
  const path = join(t.testdir(), 'secrets.json')
  const write = (content: unknown) =>
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  const secrets = {
    'crm-token': { value, tools: ['crm__*'] },
    plain: { value: 'for all' },
    one: { value, tools: ['x'] }
  }
  write({ tenants: { [ours]: secrets } })
  const source = openFileSource(path)
  t.equal(await asked(source), value)
  t.equal(await asked(source, 'crm-token', 'notes__find'), 'SECRET_UNAVAILABLE tool')
  t.equal(await asked(source, 'one', 'x'), value)
  t.equal(await asked(source, 'one', 'xx'), 'SECRET_UNAVAILABLE tool')
  t.equal(await asked(source, 'plain', 'whatever'), 'for all')
  t.equal(await asked(source, 'crm-token', 'crm__find', theirs), 'SECRET_UNAVAILABLE none')
  t.equal(await asked(source, 'constructor'), 'SECRET_UNAVAILABLE none')
  t.equal(source.known?.().length, 3)
  write({ tenants: { [ours]: { 'crm-token': { value: 'rotated' } } } })
  t.equal(await asked(source), 'rotated')
  write(`{"tenants": ${value}`)
  t.equal(await asked(source), 'SECRET_UNAVAILABLE source')

  const misfits = ['', value, [], { tenants: [] }, { tenants: { [ours]: { a: value } } }, { [value]: {} }]
  for (const misfit of [...misfits, { tenants: { [ours]: { a: { value, tools: [value.toUpperCase()] } } } }]) {
    write(misfit)
    const message = messageOf(() => openFileSource(path))
    t.match(message, /^SECRETS names a file that .+: check its path, its rights and its JSON\.$/)
    t.notOk(message.includes(value))
  }
  t.match(
    messageOf(() => openFileSource(join(path, value))),
    /^SECRETS names a file/
  )
})

const vaultAnswer = (data: unknown): Answer => ({ status: 200, body: JSON.stringify({ data: { data, metadata: {} } }) })

async function openVault(t: Test, answer: (seen: Seen) => Answer, settings: { token?: string } = {}) {
  const { origin, seen } = await standIn(t, answer)
  const given = { address: origin, token: new Secret(settings.token ?? token), mount: 'secret', prefix: 'knomly' }
  return { seen, origin, source: createHashicorpSource(given) }
}

/** A Vault with one secret, for one token: the paths and errors of its HTTP API. */
function fakeVault({ path, headers }: Seen): Answer {
  const fail = (status: number, errors: string[]): Answer => ({ status, body: JSON.stringify({ errors }) })
  if (headers['x-vault-token'] !== token) return fail(403, ['permission denied'])
  if (path === `/v1/secret/data/knomly/${ours}/crm-token`) return vaultAnswer({ value, tools: 'crm__*, crm' })
  return fail(404, [])
}

t.test('HashiCorp Vault: a secret of KV version 2 is read by its tenant and name, with the token', async t => {
  const { source, seen } = await openVault(t, fakeVault)
  t.equal(await asked(source), value)
  t.match(seen, [{ method: 'GET', path: `/v1/secret/data/knomly/${ours}/crm-token`, body: '' }])
  t.match(seen[0]?.headers, { 'x-vault-token': token, 'x-vault-request': 'true' })
  t.equal(await asked(source, 'crm-token', 'notes__find'), 'SECRET_UNAVAILABLE tool')
  t.equal(await asked(source, 'crm-token', 'crm__find', theirs), 'SECRET_UNAVAILABLE none')
  t.equal(await asked(source, 'other'), 'SECRET_UNAVAILABLE none')
  const wrong = await openVault(t, fakeVault, { token: 'hvs.wrong' })
  t.equal(await asked(wrong.source), 'SECRET_UNAVAILABLE source', 'a wrong token')
})

t.test('HashiCorp Vault: no answer but a whole one gives a secret, and none is told', async t => {
  const planted = JSON.stringify({ data: { data: { value: 'planted' } } })
  const more = JSON.stringify({ data: { data: { value: 'planted', more: value } } })
  const answers: [string, Answer][] = [
    ['refused', { status: 403, body: planted }],
    ['broken', { status: 500, body: planted }],
    ['sealed', { status: 503, body: planted }],
    ['no JSON', { status: 200, body: `${planted.slice(0, 20)}planted` }],
    ['empty', { status: 200, body: '' }],
    ['a field too many', { status: 200, body: more }],
    ['another shape', { status: 200, body: JSON.stringify({ data: { value } }) }],
    ['no text', vaultAnswer({ value: { planted: value } })],
    ['an empty text', vaultAnswer({ value: '' })],
    ['tools that are none', vaultAnswer({ value, tools: ['CRM planted'] })],
    ['deleted', { status: 200, body: JSON.stringify({ data: { data: null, metadata: { destroyed: true } } }) }],
    ['far too much', vaultAnswer({ value, tools: 'a'.repeat(400_000) })]
  ]
  for (const [name, answer] of answers) {
    const { source } = await openVault(t, () => answer)
    t.equal(await asked(source), 'SECRET_UNAVAILABLE source', name)
  }
  const gone = createHashicorpSource({
    address: 'http://127.0.0.1:9',
    token: new Secret(token),
    mount: 'm',
    prefix: 'p'
  })
  t.equal(await asked(gone), 'SECRET_UNAVAILABLE source', 'nobody listens')
  const { source } = await openVault(t, () => 'hang')
  t.equal(await asked(source, 'crm-token', 'crm__find', ours, 50), 'SECRET_UNAVAILABLE timeout', 'it hangs')
})

t.test('HashiCorp Vault: a redirect is not followed, so the token goes to no other host', async t => {
  const other = await openVault(t, () => vaultAnswer({ value }))
  for (const status of [301, 302, 307, 308]) {
    const { source } = await openVault(t, ({ path }) => {
      return { status, headers: { location: other.origin + path }, body: '' }
    })
    t.equal(await asked(source), 'SECRET_UNAVAILABLE source', String(status))
  }
  t.equal(other.seen.length, 0)
})

const key = { id: 'AKIAPLANTED', secret: new Secret('aws-planted-secret-key'), session: undefined }

async function openAws(t: Test, answer: (seen: Seen) => Answer, own: typeof key | undefined = key) {
  const { origin, seen } = await standIn(t, answer)
  return { seen, source: await openAwsSource({ region: 'eu-central-1', endpoint: origin, key: own, prefix: 'knomly' }) }
}

const awsAnswer = (text: unknown): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: JSON.stringify({ ARN: 'arn:aws:secretsmanager:x', Name: 'n', VersionId: 'v', SecretString: text })
})

const awsError = (type: string, status = 400): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': type },
  body: JSON.stringify({ __type: type, message: `planted ${value}` })
})

t.test('AWS Secrets Manager: a secret is read by its tenant and name, with a signed request', async t => {
  const { source, seen } = await openAws(t, ({ body }) => {
    const { SecretId: id } = JSON.parse(body)
    if (id === `knomly/${ours}/crm-token`) return awsAnswer(JSON.stringify({ value, tools: ['crm__*'] }))
    return id === `knomly/${ours}/plain` ? awsAnswer('as it is') : awsError('ResourceNotFoundException')
  })
  t.equal(await asked(source), value)
  t.match(seen[0]?.headers, {
    'x-amz-target': 'secretsmanager.GetSecretValue',
    authorization: /^AWS4-HMAC-SHA256 Credential=AKIAPLANTED\/\d{8}\/eu-central-1\/secretsmanager\/aws4_request/
  })
  t.notOk(JSON.stringify(seen).includes(key.secret.reveal()))
  t.equal(await asked(source, 'plain'), 'as it is')
  t.equal(await asked(source, 'crm-token', 'notes__find'), 'SECRET_UNAVAILABLE tool')
  t.equal(await asked(source, 'crm-token', 'crm__find', theirs), 'SECRET_UNAVAILABLE none')
})

t.test('AWS Secrets Manager: no answer but a whole one gives a secret, and none is told', async t => {
  const answers: [string, Answer][] = [
    ['a wrong key', awsError('UnrecognizedClientException')],
    ['refused', awsError('AccessDeniedException')],
    ['refused by status', awsError('AccessDeniedException', 403)],
    ['broken', awsError('InternalServiceError', 500)],
    ['about to be deleted', awsError('InvalidRequestException')],
    ['no JSON', { status: 200, body: `{"SecretString": planted ${value}` }],
    ['without a text', awsAnswer(undefined)],
    ['an empty text', awsAnswer('')],
    ['another shape', awsAnswer(JSON.stringify({ token: value }))],
    ['sent elsewhere', { status: 307, headers: { location: 'http://127.0.0.1:9/' }, body: '' }]
  ]
  for (const [name, answer] of answers) {
    const { source } = await openAws(t, () => answer)
    t.equal(await asked(source), 'SECRET_UNAVAILABLE source', name)
  }
  const { source } = await openAws(t, () => 'hang')
  t.equal(await asked(source, 'crm-token', 'crm__find', ours, 50), 'SECRET_UNAVAILABLE timeout', 'it hangs')
})

t.test('AWS Secrets Manager: where the SDK is missing, the start says what to install', async t => {
  const missing = () => Promise.reject(new Error('Cannot find package'))
  const settings = { region: 'eu-central-1', endpoint: undefined, key, prefix: 'knomly' }
  await t.rejects(openAwsSource(settings, missing), /npm install @aws-sdk\/client-secrets-manager/)
})

t.test('each kind of source is opened by its settings', async t => {
  const path = join(t.testdir(), 'secrets.json')
  writeFileSync(path, JSON.stringify({ tenants: { [ours]: { 'crm-token': { value } } } }))
  const { origin: address } = await standIn(t, fakeVault)
  const { origin: endpoint } = await standIn(t, () => awsAnswer(value))
  const sources = [
    { kind: 'env', values: secretsIn({ KNOMLY_SECRET_CRM_TOKEN: value }) },
    { kind: 'file', path },
    { kind: 'vault', address, token: new Secret(token), mount: 'secret', prefix: 'knomly' },
    { kind: 'aws', region: 'eu-central-1', endpoint, key, prefix: 'knomly' }
  ] as const
  for (const each of sources) t.equal(await asked(await openSource(each, [ours])), value, each.kind)
})

function messageOf(act: () => unknown): string {
  try {
    act()
    return 'nothing was thrown'
  } catch (error) {
    return String((error as Error).message)
  }
}
