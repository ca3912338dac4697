import t from 'tap'
import type { Pair } from '../../src/channels/form.ts'
import { parsePublicUrl } from '../../src/channels/public-url.ts'
import { isCanonical, sendOf, webhookAuthenticator } from '../../src/channels/twilio-webhook.ts'
import { Failure } from '../../src/frames/failure.ts'
import { codeOf } from './code-of.ts'
import { sign } from './sign.ts'

const origin = 'https://voice.example.com'
const target = '/webhooks/twilio/messages'
const token = 'the-current-token-of-the-account'

t.test('a target is canonical only byte for byte', async t => {
  for (const good of [
    target,
    '/webhooks/twilio/status',
    '/webhooks/twilio/status?s=a-_9',
    `${target}?`,
    `${target}?name=William+O'hara&q=%2f`
  ])
    t.ok(isCanonical(good), good)
  const bad = [
    '',
    '/',
    '//webhooks/twilio/messages',
    `${target}/`,
    '/webhooks/twilio/Messages',
    '/webhooks/twilio/message%73',
    '/webhooks/x/../twilio/messages',
    '/webhooks/twilio/./messages',
    '/webhooks\\twilio\\messages',
    `${origin}${target}`,
    `${target}#rc=2`,
    `${target}?a#b`,
    `${target}?a\\b`,
    `${target}?a\tb`,
    `${target}?a b`,
    `${target}?\u00e9`,
    `${target}?\x7f`,
    `${target};x`
  ]
  for (const each of bad) t.notOk(isCanonical(each), JSON.stringify(each))
})

t.test('a status callback names the send it is about, if its id is opaque', async t => {
  t.equal(sendOf('/webhooks/twilio/status?s=abc-_9'), 'abc-_9')
  t.equal(sendOf('/webhooks/twilio/status?a=1&s=abc&b=2'), 'abc')
  for (const none of ['', '?', '?s=', '?s=a.b', '?xs=abc', '?S=abc', `?s=${'a'.repeat(65)}`, '?s=%61'])
    t.equal(sendOf(`/webhooks/twilio/status${none}`), null, none)
})

t.test('reasons come in the order of the checks, and the account is that of the form', async t => {
  const account = {
    sid: 'AC1',
    authTokens: [token],
    sharedKeys: new Map(),
    rest: { user: '', password: '' },
    senders: [],
    allowed: '*' as const,
    deletesMedia: false
  }
  const authenticate = webhookAuthenticator(origin, new Map([['AC1', account]]))
  const reason = (
    body: string,
    signed: Pair[],
    at = target,
    signature: string | undefined = sign(origin + at, signed, token)
  ) => {
    try {
      return authenticate({ target: at, signature, settings: undefined, body: Buffer.from(body) }).account.sid
    } catch (error) {
      return error instanceof Failure ? error.code : error
    }
  }
  t.equal(
    reason('AccountSid=AC1&a=b', [
      ['AccountSid', 'AC1'],
      ['a', 'b']
    ]),
    'AC1'
  )
  t.equal(reason('%', [], '/x', 'short'), 'SIGNATURE_MALFORMED')
  t.equal(reason('%', [], '/x'), 'TARGET_NOT_CANONICAL')
  t.equal(reason('%', []), 'FORM_UNDECODABLE')
  t.equal(reason('AccountSid=AC2', [['AccountSid', 'AC2']]), 'ACCOUNT_UNKNOWN')
  t.equal(reason('a=b', [['a', 'b']]), 'ACCOUNT_UNKNOWN')
  t.equal(reason('AccountSid=AC1&AccountSid=AC1', [['AccountSid', 'AC1']]), 'ACCOUNT_UNKNOWN')
  t.equal(
    reason('AccountSid=AC1&a=b&a=b', [
      ['AccountSid', 'AC1'],
      ['x', 'b']
    ]),
    'SIGNATURE_INVALID'
  )
  t.equal(
    reason('AccountSid=AC1&a=b&a=b', [
      ['AccountSid', 'AC1'],
      ['a', 'b']
    ]),
    'FORM_REPEATED_KEY'
  )
})

t.test('the public URL is a canonical https origin, or http on loopback', async t => {
  for (const good of [
    origin,
    `${origin}:8443`,
    'https://xn--mnchen-3ya.example',
    'https://[2001:db8::1]:8443',
    'http://localhost:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:1'
  ])
    t.equal(parsePublicUrl(good), good)
  t.equal(parsePublicUrl(`${origin}:443`), origin)
  t.equal(parsePublicUrl('http://127.0.0.1:80'), 'http://127.0.0.1')
  const bad = [
    '',
    'voice.example.com',
    'http://voice.example.com',
    'http://127.0.0.1.example.com',
    'ftp://localhost',
    `${origin}/`,
    `${origin}/path`,
    `${origin}?`,
    `${origin}#x`,
    'https://user:pass@voice.example.com',
    'https://VOICE.example.com',
    'HTTPS://voice.example.com',
    'https://münchen.example',
    ` ${origin}`,
    `${origin}\n`,
    `${origin}:080`,
    'https://'
  ]
  for (const each of bad) t.throws(() => parsePublicUrl(each), { message: /^is .*: .*\w$/ }, JSON.stringify(each))
  t.notMatch(
    codeOf(() => parsePublicUrl('https://user:hunter2@voice.example.com')),
    'hunter2'
  )
})
