import { execFile } from 'node:child_process'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import twilio from 'twilio'
import { createCaller } from '../../src/simulator/caller.ts'
import { sendSigned } from '../../src/simulator/signed-post.ts'
import { signTwilio } from '../../src/simulator/twilio-signer.ts'

const accountSid = `AC${'a'.repeat(32)}`
const authToken = '0f1e2d3c4b5a69788796a5b4c3d2e1f0'
const publicUrl = 'https://voice.example.com'
const webhook = `${publicUrl}/webhooks/twilio/messages`
const [from, to] = ['whatsapp:+14155550100', 'whatsapp:+14155238886']

t.test('signatures are those of the official signers', async t => {
  // A fixed case of twilio-python, tests/unit/test_request_validator.py.
  const digits = { Sid: 'CA123', SidAccount: 'AC123', Digits: ['5678', '1234', '1234'] }
  t.equal(signTwilio('12345', 'https://mycompany.com/myapp.php?foo=1&bar=2', digits), 'IK+Dwps556ElfBT0I3Rgjkr1wJU=')
  for (const params of [{}, { b: '2', B: '1', a: '' }, { Body: 'ñ 🦊 & = + %\n', To: to }, { é: 'x', z: ['b', 'a'] }]) {
    const signature = signTwilio(authToken, webhook, params)
    t.ok(twilio.validateRequest(authToken, signature, webhook, params))
    t.notOk(twilio.validateRequest(authToken, signature, webhook, { ...params, Extra: '1' }))
  }
})

t.test('a tap comes as Twilio sends it, and can be forged', async t => {
  const { caller, received } = await start(t)
  const message = { sid: `SM${'e'.repeat(32)}`, from: to, buttons: [{ title: 'Yes', id: 'yes.1' }] }
  await caller.tap(message, 'Yes')
  await caller.tap(message, 'Yes', { Forwarded: 'true', ButtonPayload: 'no.1' })
  const [tap, forged] = received
  t.match(tap?.params, {
    ...{ MessageType: 'interactive', Body: 'Yes', ButtonText: 'Yes', ButtonPayload: 'yes.1', NumMedia: '0' },
    ...{ OriginalRepliedMessageSid: message.sid, OriginalRepliedMessageSender: to },
    ...{ Forwarded: 'false', FrequentlyForwarded: 'false' }
  })
  t.match(forged?.params, { Forwarded: 'true', ButtonPayload: 'no.1', OriginalRepliedMessageSid: message.sid })
  t.not(forged?.params.MessageSid, tap?.params.MessageSid)
  t.ok(forged?.valid)
  t.throws(() => caller.tapParams(message, 'No'), /no button "No"/)
})

t.test('a text comes as Twilio sends a WhatsApp message', async t => {
  const { caller, received } = await start(t)
  const answer = await caller.text("Buy milk & 'eggs' 🥚", { Forwarded: 'true' })
  t.match(answer, { status: 200, body: '<Response/>', headers: { 'content-type': 'text/xml' } })
  const [request] = received
  t.match(request?.headers, {
    host: 'voice.example.com',
    'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
    'user-agent': 'TwilioProxy/1.1',
    'i-twilio-idempotency-token': /^[0-9a-f]{32}$/
  })
  t.match(request?.params, {
    MessageSid: answer.messageSid,
    SmsMessageSid: answer.messageSid,
    AccountSid: accountSid,
    Body: "Buy milk & 'eggs' 🥚",
    MessageType: 'text',
    WaId: '14155550100',
    NumMedia: '0',
    Forwarded: 'true'
  })
  t.ok(request?.valid)
})

t.test('an SMS has no parameters of WhatsApp, and a person without a phone number has no WaId', async t => {
  const { received, callerWith } = await start(t)
  await callerWith({ from: '+14155550100', to: '+14155238886' }).text('hello')
  await callerWith({ from: 'whatsapp:ID.4566546130240823' }).text('hello')
  const [sms, nameless] = received.map(({ params }) => params)
  t.strictSame(
    ['ProfileName', 'WaId', 'MessageType'].filter(name => sms !== undefined && name in sms),
    []
  )
  t.equal(sms?.FromCountry, 'US')
  t.equal(nameless?.ExternalUserId, 'whatsapp:ID.4566546130240823')
  t.equal(nameless?.WaId, undefined)
  t.ok(received.every(({ valid }) => valid))
})

t.test('a voice note is put at Twilio first, under the SID that it is sent with', async t => {
  const { received, callerWith } = await start(t)
  const added: [string, string, string][] = []
  const caller = callerWith({
    addMedia: async (messageSid, bytes, contentType) => {
      added.push([messageSid, String(bytes), contentType])
      return `https://api.twilio.com/media/${added.length}`
    }
  })
  const { messageSid } = await caller.voiceNote(
    [{ bytes: Buffer.from('a') }, { bytes: Buffer.from('b'), contentType: 'audio/amr' }],
    'Listen'
  )
  t.strictSame(added, [
    [messageSid, 'a', 'audio/ogg'],
    [messageSid, 'b', 'audio/amr']
  ])
  t.match(received[0]?.params, {
    NumMedia: '2',
    MediaUrl0: 'https://api.twilio.com/media/1',
    MediaContentType1: 'audio/amr',
    MessageType: 'audio',
    Body: 'Listen'
  })
  const known = `https://api.twilio.com/2010-04-01/Accounts/${accountSid}/Messages/MM${'d'.repeat(32)}/Media/ME${'e'.repeat(32)}`
  t.equal((await caller.voiceNote(known)).messageSid, `MM${'d'.repeat(32)}`, 'that of the message it belongs to')
})

t.test('a request can deviate in its path, its headers and its signature', async t => {
  const { caller, received } = await start(t)
  await caller.raw({ MessageSid: 'SM1', A: ['2', '1'] }, { path: '/webhooks/twilio/status?s=x' })
  await caller.raw({ A: '1' }, { headers: { 'X-Twilio-Signature': undefined, 'User-Agent': 'curl' } })
  t.match(received[0], { url: '/webhooks/twilio/status?s=x', valid: true, body: 'MessageSid=SM1&A=2&A=1' })
  t.equal(received[1]?.headers['x-twilio-signature'], undefined)
  t.equal(received[1]?.headers['user-agent'], 'curl')
})

t.test('a message can be signed beforehand and sent later', async t => {
  const { caller, received, url } = await start(t)
  const requests = ['a', 'b'].map(body => caller.prepared(body))
  for (const request of requests) t.equal((await sendSigned(url, request)).status, 200)
  t.strictSame(
    received.map(({ valid, params }) => [valid, params.Body]),
    [
      [true, 'a'],
      [true, 'b']
    ]
  )
})

t.test('a caller without an answer says so', async t => {
  const { caller, close } = await start(t)
  await close()
  t.match(await caller.text('hello').catch((error: unknown) => error), { code: 'ECONNREFUSED' })
})

t.test('the printed curl command posts what it says', async t => {
  const { caller, received } = await start(t)
  const command = caller.curlCommand(caller.textParams('It\'s "5 %" of $HOME\n`date` & 🥚'))
  t.notMatch(command, authToken)
  const { stdout } = await promisify(execFile)('sh', ['-c', command])
  t.match(stdout, /^HTTP\/1.1 200 OK[\s\S]*<Response\/>$/)
  t.match(received, [{ valid: true, params: { Body: 'It\'s "5 %" of $HOME\n`date` & 🥚' } }])
})

async function start(t: Test) {
  const received: {
    url: string
    headers: IncomingHttpHeaders
    body: string
    params: Record<string, string>
    valid: boolean
  }[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const { url = '', headers } = request
    const form = new URLSearchParams(body)
    const lists = Object.fromEntries([...form.keys()].map(name => [name, form.getAll(name)]))
    const signature = String(headers['x-twilio-signature'])
    const valid = twilio.validateRequest(authToken, signature, publicUrl + url, lists)
    received.push({ url, headers, body, params: Object.fromEntries(form), valid })
    response.writeHead(200, { 'content-type': 'text/xml' }).end('<Response/>')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.teardown(close)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const options = { accountSid, authToken, publicUrl, deliverTo: url, from, to }
  const callerWith = (extra: Partial<Parameters<typeof createCaller>[0]>) => createCaller({ ...options, ...extra })
  return { received, url, close, callerWith, caller: createCaller(options) }
}
