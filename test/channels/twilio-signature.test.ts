import { createHash } from 'node:crypto'
import t from 'tap'
import { isFormType, type Pair, parsePairs, toForm } from '../../src/channels/form.ts'
import { parsePublicUrl, signedOrigins } from '../../src/channels/public-url.ts'
import { checkSignature, readClaim, type Signed } from '../../src/channels/twilio-signature.ts'
import { Failure } from '../../src/frames/failure.ts'
import { type Vector, vectors } from '../vectors/twilio-signatures.ts'
import { codeOf } from './code-of.ts'
import { generator } from './generator.ts'
import { sign } from './sign.ts'

const origin = 'https://voice.example.com'
const target = '/webhooks/twilio/messages'
const token = 'the-current-token-of-the-account'
const pairs: Pair[] = [
  ['AccountSid', 'AC1'],
  ['Body', 'tea at four'],
  ['From', 'whatsapp:+14155550100']
]

t.test('every vector that is valid carries a good signature', async t => {
  for (const vector of vectors.filter(each => each.valid)) {
    t.equal(signatureRefusal(vector), null, vector.name)
    if (vector.origin.startsWith('https:')) t.doesNotThrow(() => parsePublicUrl(vector.origin), vector.name)
  }
})

t.test('every vector that is not valid is refused', async t => {
  for (const vector of vectors.filter(each => !each.valid)) {
    t.type(refusal(vector), 'string', `${vector.name}: ${refusal(vector)}`)
  }
})

t.test('a vector that only the policy can refuse names its reason', async t => {
  const reasons = Object.fromEntries(vectors.map(vector => [vector.name, refusal(vector)]))
  t.match(reasons, {
    'userinfo-port-signed-without-port': 'PUBLIC_URL',
    'host-uppercase': 'PUBLIC_URL',
    'duplicated-key-same-value': 'FORM_REPEATED_KEY',
    'boundary-shift-sender-spoof': 'FORM_REPEATED_KEY',
    'boundary-shift-odd-key': 'FORM_KEY_REFUSED',
    'key-__proto__': 'FORM_KEY_REFUSED',
    'content-type-missing': 'TYPE_NOT_SUPPORTED',
    'header-missing': 'SIGNATURE_MISSING',
    'header-base64url': 'SIGNATURE_MALFORMED',
    'raw-invalid-utf8-bytes': 'FORM_UNDECODABLE'
  })
})

t.test('what was signed by another hand is taken in any order, and not with one byte changed', async t => {
  const random = generator(11)
  const word = () =>
    Buffer.from(Array.from({ length: 1 + random(8) }, () => 32 + random(95))).toString() + '€é😀'[random(2)]
  const wrong: unknown[] = []
  for (let i = 0; i < 300; i++) {
    const form: Pair[] = Array.from({ length: 1 + random(12) }, () => [word(), word()])
    const signature = sign(origin + target, form, token)
    const shuffled = form.toSorted(() => random(3) - 1)
    if (!isTaken(signature, { pairs: shuffled })) wrong.push(form)
    const at = random(signature.length - 1)
    const letter = signature[at] === 'A' ? 'B' : 'A'
    if (isTaken(signature.slice(0, at) + letter + signature.slice(at + 1), { pairs: form })) wrong.push(signature)
    const changed = form.with(random(form.length), [word(), `${word()}!`])
    if (isTaken(signature, { pairs: changed })) wrong.push(changed)
  }
  t.strictSame(wrong, [])
})

t.test('the port of the public URL may be missing from what was signed, or the default one be in it', async t => {
  const taken = (signedAs: string, publicUrl: string) =>
    isTaken(sign(signedAs + target, pairs, token), { pairs }, { origins: signedOrigins(publicUrl) })
  t.ok(taken(`${origin}:443`, origin))
  t.ok(taken(origin, `${origin}:8443`))
  t.ok(taken('https://[::1]', 'https://[::1]:8443'))
  t.ok(taken('https://[::1]:443', 'https://[::1]'))
  t.ok(taken('http://127.0.0.1:80', 'http://127.0.0.1'))
  t.notOk(taken(`${origin}:80`, origin))
  t.notOk(taken(`${origin}:443`, `${origin}:8443`))
  t.notOk(taken(`${origin}:8443`, origin))
  t.notOk(taken('http://voice.example.com', origin))
})

t.test('both tokens of a rotation count, and an empty or blank one never does', async t => {
  const signedWith = (secret: string, authTokens: string[]) =>
    isTaken(sign(origin + target, pairs, secret), { pairs }, { authTokens })
  t.ok(signedWith('old-token', ['old-token', 'new-token']))
  t.ok(signedWith('new-token', ['old-token', 'new-token']))
  t.notOk(signedWith('other-token', ['old-token', 'new-token']))
  for (const blank of ['', ' ', '\n', 'token\n'])
    t.notOk(signedWith(blank, [blank, 'old-token']), JSON.stringify(blank))
  t.notOk(signedWith('old-token', []))
})

t.test('a request that names a shared key counts only with that key and that hash', async t => {
  const sharedKeys = new Map([
    ['k_1', 'shared-secret'],
    ['k_2', 'other-secret']
  ])
  const check = (settings: string | string[], secret: string, hash: 'sha1' | 'sha256') => {
    const claim = readClaim(sign(origin + target, pairs, secret, hash), settings)
    const verdict = checkSignature(
      claim,
      { origins: [origin], target, content: { pairs } },
      { authTokens: [token], sharedKeys }
    )
    return verdict.ok || verdict.reason
  }
  t.equal(check('key=k_1,algorithm=HMAC_SHA256', 'shared-secret', 'sha256'), true)
  t.equal(check('key=k_1,algorithm=HMAC_SHA1', 'shared-secret', 'sha1'), true)
  t.equal(check('key=k_1,algorithm=HMAC_SHA1', token, 'sha1'), 'SIGNATURE_INVALID')
  t.equal(check('key=k_2,algorithm=HMAC_SHA256', 'shared-secret', 'sha256'), 'SIGNATURE_INVALID')
  t.equal(check('key=k_1,algorithm=HMAC_SHA256', 'shared-secret', 'sha1'), 'SIGNATURE_MALFORMED')
  t.equal(check('key=k_1,algorithm=HMAC_SHA1', 'shared-secret', 'sha256'), 'SIGNATURE_MALFORMED')
  const strange = [
    'key=k_3,algorithm=HMAC_SHA1',
    'key=__proto__,algorithm=HMAC_SHA1',
    'algorithm=HMAC_SHA1',
    'key=k_1',
    '',
    'key=k_1,algorithm=none',
    'key=k_1,algorithm=HMAC_SHA1, key=k_2,algorithm=HMAC_SHA1'
  ]
  for (const settings of [...strange, ['key=k_1,algorithm=HMAC_SHA1']]) {
    t.equal(check(settings, token, 'sha1'), 'SIGNATURE_KEY_UNKNOWN', String(settings))
  }
})

t.test('the signature header is exactly one string of its shape', async t => {
  const good = sign(origin + target, pairs, token)
  const bad = [
    '',
    `${good} `,
    ` ${good}`,
    `${good}\n`,
    good.slice(0, -1),
    `${good}=`,
    `${good}, ${good}`,
    good.replace('=', '.'),
    sign(origin + target, pairs, token, 'sha256')
  ]
  for (const header of [...bad, [good], [good, good], []]) {
    t.match(readClaim(header, undefined), { ok: false, reason: 'SIGNATURE_MALFORMED' }, JSON.stringify(header))
  }
  t.match(readClaim(undefined, undefined), { ok: false, reason: 'SIGNATURE_MISSING' })
})

t.test('JSON is signed through exactly one lower-case hash of its raw bytes', async t => {
  const json = Buffer.from('{"a":"é"}')
  const hash = createHash('sha256').update(json).digest('hex')
  const taken = (query: string, body = json) =>
    isTaken(sign(`${origin}/events${query}`, [], token), { json: body }, { target: `/events${query}` })
  t.ok(taken(`?bodySHA256=${hash}`))
  t.ok(taken(`?a=1&bodySHA256=${hash}&b=2`))
  for (const query of [
    '',
    '?a=1',
    `?bodySHA256=${hash}&bodySHA256=${hash}`,
    `?bodySHA256=${hash.toUpperCase()}`,
    `?bodysha256=${hash}`,
    `?bodySHA256=${hash}0`,
    '?bodySHA256=',
    `?xbodySHA256=${hash}`
  ])
    t.notOk(taken(query), query)
  t.notOk(taken(`?bodySHA256=${hash}`, Buffer.from('{}')))
})

/** The first of all layers that refuses a vector, or null. */
function refusal(vector: Vector): string | null {
  if (codeOf(() => parsePublicUrl(vector.origin)) !== null) return 'PUBLIC_URL'
  if (vector.body.length > 65_536) return 'BODY_TOO_LARGE'
  if (!isJson(vector) && vector.method === 'POST' && !isFormType(vector.contentType)) return 'TYPE_NOT_SUPPORTED'
  return signatureRefusal(vector) ?? codeOf(() => toForm(parsePairs(vector.body)))
}

/** What the signature alone is refused for, or null. */
function signatureRefusal(vector: Vector): string | null {
  const { target, authTokens, headers } = vector
  return codeOf(() => {
    const claim = readClaim(vector.signature ?? undefined, headers['x-twilio-webhooks-signature-settings'])
    const content = isJson(vector) ? { json: vector.body } : { pairs: parsePairs(vector.body) }
    const signed = { origins: signedOrigins(vector.origin), target, content }
    const verdict = checkSignature(claim, signed, {
      authTokens,
      sharedKeys: new Map(Object.entries(vector.sharedKeys))
    })
    if (!verdict.ok) throw new Failure(verdict.reason)
  })
}

function isJson(vector: Vector): boolean {
  return vector.contentType.startsWith('application/json')
}

function isTaken(
  signature: string,
  content: Signed['content'],
  options: Partial<Signed> & { authTokens?: string[] } = {}
): boolean {
  const { authTokens = [token], ...signed } = options
  return checkSignature(
    readClaim(signature, undefined),
    { origins: signedOrigins(origin), target, content, ...signed },
    { authTokens, sharedKeys: new Map() }
  ).ok
}
