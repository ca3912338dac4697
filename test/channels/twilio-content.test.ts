import { inspect } from 'node:util'
import t from 'tap'
import { payloadOf, readPayload } from '../../src/channels/button-payload.ts'
import { createTwilioClient } from '../../src/channels/twilio-client.ts'
import { createTemplates } from '../../src/channels/twilio-content.ts'
import { createMessage } from '../../src/channels/twilio-send.ts'
import { account, basic, message, person, us } from './account.ts'
import { serve } from './serve.ts'

const template = `HX${'d4'.repeat(16)}`
const labels = { language: 'es', approve: 'Aprobar', refuse: 'Rechazar' }
const clock = { now: () => 0, monotonic: () => 0 }
const patient = new AbortController().signal

t.test('a template is made with the words of its language and a variable in each button', async t => {
  const { url, requests } = await serve(t, response => response.writeHead(201).end(JSON.stringify({ sid: template })))
  t.equal(await createTemplates({ account, apiUrl: url })(labels, patient), template)
  const [asked] = requests
  t.match(asked, { method: 'POST', url: { pathname: '/v1/Content' }, authorization: basic })
  const body = JSON.parse(asked?.body ?? '')
  t.match(body, { language: 'es', variables: { 2: 'none', 3: 'none' } })
  t.strictSame(body.types, {
    'twilio/quick-reply': {
      body: '{{1}}',
      actions: [
        { type: 'QUICK_REPLY', title: 'Aprobar', id: 'knomly.approve.{{2}}' },
        { type: 'QUICK_REPLY', title: 'Rechazar', id: 'knomly.refuse.{{3}}' }
      ]
    }
  })
})

t.test('whatever the Content API answers otherwise is a failure that holds no key', async t => {
  const answers: Record<string, [number, string]> = {
    'it is not known': [404, 'planted'],
    'it says no': [400, '{"code":20001,"message":"planted"}'],
    'it is down': [503, ''],
    'it makes no sense': [201, 'planted words'],
    'it names no template': [201, JSON.stringify({ sid: message })],
    'it answers nothing': [200, 'null']
  }
  for (const [name, [status, body]] of Object.entries(answers)) {
    const { url } = await serve(t, response => response.writeHead(status).end(body))
    const error = await createTemplates({ account, apiUrl: url })(labels, patient).catch(e => e)
    t.match(error.code, /^SEND_/, name)
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), /planted|Basic/)
  }
  const error = await createTemplates({ account, apiUrl: 'http://127.0.0.1:1' })(labels, patient).catch(e => e)
  t.equal(error.code, 'SEND_UNAVAILABLE')
})

t.test('a question with buttons names its template, and the text and the tokens fill it', async t => {
  const { url, requests } = await serve(t, response => response.writeHead(201).end(JSON.stringify({ sid: message })))
  const buttons = { template, approve: 'token-a', refuse: 'token-b' }
  const open = createTwilioClient({ account, apiUrl: url, clock })
  const outgoing = { from: us, to: person, text: 'a "question"\n{{2}}', buttons }
  t.equal(await createMessage(open(patient), outgoing, 'https://x/?s=1'), message)
  const form = new URLSearchParams(requests[0]?.body)
  t.equal(form.has('Body'), false)
  t.equal(form.get('ContentSid'), template)
  t.strictSame(JSON.parse(form.get('ContentVariables') ?? ''), { 1: outgoing.text, 2: 'token-a', 3: 'token-b' })
})

t.test('a payload is read strictly, and the bare variable says nothing but which button it was', t => {
  t.strictSame(readPayload(payloadOf('approve', 'abc_-9')), { decision: 'approve', token: 'abc_-9' })
  t.strictSame(readPayload('knomly.refuse.{{3}}'), { decision: 'refuse', token: null })
  t.strictSame(readPayload('knomly.refuse.{{2}}'), { decision: 'refuse', token: '{{2}}' })
  const others = ['', 'approve', 'knomly.approve', 'knomly.approve.', ' knomly.approve.a', 'knomly.approve.a\n']
  for (const other of [...others, 'knomly.agree.a', 'KNOMLY.approve.a', `knomly.approve.${'a'.repeat(65)}`]) {
    t.equal(readPayload(other), null, JSON.stringify(other))
  }
  t.end()
})
