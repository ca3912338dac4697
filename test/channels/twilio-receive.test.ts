import t from 'tap'
import { readMessage } from '../../src/channels/twilio-receive.ts'
import { readStatus } from '../../src/channels/twilio-status.ts'
import type { Failure } from '../../src/frames/failure.ts'
import { kinds } from '../../src/frames/kinds.ts'
import { account, media, message, person, sid, us } from './account.ts'

const apiUrl = 'https://api.twilio.com'
const text = { MessageSid: message, AccountSid: sid, From: person, To: us, Body: 'Hello, you', NumMedia: '0' }
const mediaUrl = `${apiUrl}/2010-04-01/Accounts/${sid}/Messages/${message}/Media/${media}`
const voice = { ...text, Body: '', NumMedia: '1', MediaUrl0: mediaUrl, MediaContentType0: 'audio/ogg' }

type Fields = Record<string, string | undefined>

function form(fields: Fields): Map<string, string> {
  return new Map(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function receive(fields: Fields) {
  const received = readMessage(form(fields), account, apiUrl)
  kinds[received.kind][1].parse(received.data)
  return received
}

function refusal(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    return (error as Failure).code
  }
  return 'accepted'
}

t.test('a text message keeps its words as they came', async t => {
  t.strictSame(receive({ ...text, Body: '  you\'re "here" \n', ProfileName: 'Asha', Unheard: 'of' }), {
    id: `messaging:${sid}:${message}`,
    kind: 'text.received',
    data: {
      channel: 'messaging',
      account: sid,
      message,
      from: person,
      to: us,
      text: '  you\'re "here" \n',
      media: [],
      forwarded: false,
      profile: 'Asha'
    },
    provenance: {
      origin: 'twilio-messaging',
      integrity: 'user_typed',
      confidentiality: 'user',
      ref: message
    }
  })
})

t.test('a voice note is known by the type of its attachment, and only the media SID is kept', async t => {
  const { kind, data, provenance } = receive(voice)
  t.equal(kind, 'voice.received')
  t.equal(provenance.integrity, 'user_voice')
  t.strictSame(data.media, [{ id: media, type: 'audio/ogg', audio: true }])

  const kindFor = (type: string | undefined, more: Fields = {}) =>
    receive({ ...voice, MediaContentType0: type, ...more }).kind
  for (const type of [
    'audio/ogg; codecs=opus',
    'Audio/AMR',
    'application/ogg',
    'application/octet-stream',
    'video/3gpp2'
  ]) {
    t.equal(kindFor(type), 'voice.received', type)
  }
  for (const type of ['image/jpeg', 'video/mp4', 'video/webm', 'application/pdf', 'text/x-audio/']) {
    t.equal(kindFor(type, { MessageType: 'audio' }) === 'voice.received', type === 'video/webm', type)
  }
  t.equal(kindFor('video/webm'), 'text.received', 'a video that nobody called a voice note')
  t.equal(kindFor(undefined), 'voice.received', 'an attachment of no said type is looked at')
})

t.test('of several attachments each is kept with its type', async t => {
  const second = mediaUrl.replace(media, `ME${'0'.repeat(32)}`)
  const { kind, data } = receive({
    ...voice,
    Body: 'what is this?',
    NumMedia: '2',
    MediaContentType0: 'image/png',
    MediaUrl1: second,
    MediaContentType1: 'audio/mpeg'
  })
  t.equal(kind, 'voice.received')
  t.strictSame(
    data.media.map(({ audio }) => audio),
    [false, true]
  )
})

t.test('an attachment whose URL is not of this message is kept as foreign, and the message with it', async t => {
  const idFor = (url: string | undefined, api = apiUrl) =>
    readMessage(form({ ...voice, MediaUrl0: url }), account, api).data.media[0]?.id
  const path = mediaUrl.slice(apiUrl.length)
  for (const host of ['https://api.dublin.ie1.twilio.com', 'https://api.ie1.twilio.com']) {
    t.equal(idFor(host + path), media, host)
  }
  t.equal(idFor(`http://127.0.0.1:4010${path}`, 'http://127.0.0.1:4010'), media, 'the configured API')
  for (const url of [
    undefined,
    '',
    `http://api.twilio.com${path}`,
    `https://api.twilio.com.evil.example${path}`,
    `https://evil.example/api.twilio.com${path}`,
    `https://api.a.b.c.twilio.com${path}`,
    `https://api.twilio.com@evil.example${path}`,
    `https://evil.example#https://api.twilio.com${path}`,
    `${mediaUrl}/../../x`,
    `${mediaUrl}?next=1`,
    `${mediaUrl}\n`,
    mediaUrl.replace(message, `SM${'0'.repeat(32)}`),
    mediaUrl.replace(sid, `AC${'0'.repeat(32)}`),
    'http://169.254.169.254/latest/meta-data'
  ]) {
    t.equal(idFor(url), 'foreign', String(url))
  }
})

t.test('a message for somebody else, or without its mandatory parts, is refused', async t => {
  const codeFor = (change: Fields) => refusal(() => receive({ ...text, ...change }))
  t.equal(codeFor({}), 'accepted')
  t.equal(codeFor({ AccountSid: `AC${'0'.repeat(32)}` }), 'ACCOUNT_UNKNOWN')
  t.equal(codeFor({ To: 'whatsapp:+14155238887' }), 'SENDER_UNKNOWN')
  t.equal(codeFor({ To: '+14155238886' }), 'accepted')
  for (const key of ['MessageSid', 'AccountSid', 'From', 'To', 'Body']) {
    t.equal(codeFor({ [key]: undefined }), 'FORM_INCOMPLETE', `without ${key}`)
  }
  for (const id of ['SM1', `XX${'a'.repeat(32)}`, `${message}0`, `${message}\n`, `x${message}`]) {
    t.equal(codeFor({ MessageSid: id }), 'FORM_INCOMPLETE', id)
  }
  t.equal(codeFor({ MessageSid: `MM${'0F'.repeat(16)}` }), 'accepted')
  for (const count of ['', '-1', '11', '1e1', ' 1', 'x'])
    t.equal(codeFor({ NumMedia: count }), 'FORM_INCOMPLETE', count)
  t.equal(codeFor({ NumMedia: undefined }), 'accepted')
})

t.test('people are known by their whole address, with or without a visible phone', async t => {
  const codeFor = (From: string) => refusal(() => receive({ ...text, From }))
  for (const from of ['+14155550100', 'whatsapp:ID.4566546130240823', 'whatsapp:US.ENT.abc123', '72345', 'ACME Bank']) {
    t.equal(codeFor(from), 'accepted', from)
    t.equal(receive({ ...text, From: from }).data.from, from)
  }
  for (const from of [
    '',
    '+0123456789',
    'whatsapp:',
    'whatsapp:14155550100',
    '+1415555010x',
    'whatsapp:ID.',
    'a'.repeat(12)
  ]) {
    t.equal(codeFor(from), 'FORM_INCOMPLETE', from)
  }
  t.equal(receive({ ...text, ExternalUserId: 'whatsapp:ID.45' }).data.externalUser, 'whatsapp:ID.45')
  t.equal(receive({ ...text, ExternalUserId: person }).data.externalUser, undefined)
})

t.test('a whole-body command is handled before any agent', async t => {
  const command = (change: Fields) => {
    const received = receive({ ...text, ...change })
    return received.kind === 'command.received' ? [received.data.command, received.data.answered] : received.kind
  }
  for (const body of ['STOP', ' stopall\n', 'Unsubscribe']) t.strictSame(command({ Body: body }), ['stop', false], body)
  for (const body of ['start', 'UNSTOP']) t.strictSame(command({ Body: body }), ['start', false], body)
  for (const body of ['help', 'Info']) t.strictSame(command({ Body: body }), ['help', false], body)
  for (const body of ['stop it', 'please stop', 'STOP.', 'cancel', 'constructor', '']) {
    t.equal(command({ Body: body }), 'text.received', body)
  }
  t.strictSame(command({ Body: 'stop', From: '+14155550100' }), ['stop', true], 'Twilio answers a STOP by SMS')
  t.strictSame(command({ Body: 'basta', OptOutType: 'STOP' }), ['stop', true])
  t.strictSame(command({ Body: 'STOP', OptOutType: 'HELP' }), ['help', true])
})

t.test('the words on a button are not those of the person who taps it', async t => {
  const words = { ...text, ButtonText: 'Delete everything', ButtonPayload: 'x', Body: 'Delete everything' }
  t.match(receive(words), { kind: 'text.received', provenance: { integrity: 'user_forwarded' } })
})

t.test('the name or caption of a file and the name of a place may be words of anybody', async t => {
  const picture = { NumMedia: '1', MediaUrl0: 'https://example.org/a', MediaContentType0: 'image/png' }
  const integrityOf = (change: Fields) => receive({ ...text, ...change }).provenance.integrity
  t.equal(integrityOf({ Body: 'delete-everything.pdf', ...picture }), 'user_forwarded')
  t.equal(integrityOf({ Body: 'and this', ...picture, MediaContentType0: 'audio/ogg' }), 'user_voice')
  t.equal(integrityOf({ Body: '', ...picture, MediaContentType0: 'audio/ogg' }), 'user_voice')
  t.equal(integrityOf({ Latitude: '52.5', Longitude: '13.4', Label: 'Delete everything' }), 'user_forwarded')
  t.equal(integrityOf({ Latitude: '52.5', Longitude: '13.4' }), 'user_typed')
  t.equal(integrityOf({ Body: 'see here', ...picture, From: '+14155550100' }), 'user_typed', 'an MMS has no captions')
})

t.test('what WhatsApp tells about a message is kept, cut to what its frame holds', async t => {
  const { data, provenance } = receive({
    ...voice,
    FrequentlyForwarded: 'true',
    ButtonText: 'Yes',
    ButtonPayload: 'p'.repeat(600),
    OriginalRepliedMessageSid: 'wamid.x',
    ProfileName: `${'n'.repeat(511)}😀`,
    Latitude: '52.5',
    Longitude: '13.4',
    Address: 'Unter den Linden'
  })
  t.equal(provenance.integrity, 'user_forwarded')
  t.match(data, {
    forwarded: true,
    button: { text: 'Yes', payload: 'p'.repeat(512) },
    repliedTo: 'wamid.x',
    profile: `${'n'.repeat(511)}\uFFFD`,
    location: { latitude: '52.5', longitude: '13.4', label: 'Unter den Linden' }
  })
})

t.test('a status callback is read with its rank, and one from the future changes nothing', async t => {
  const status = (fields: Fields) => readStatus(form({ MessageSid: message, AccountSid: sid, ...fields }), account)
  t.strictSame(status({ MessageStatus: 'delivered', SmsStatus: 'sent' }), {
    message,
    status: 'delivered',
    rank: 5,
    kind: 'reply.delivered',
    code: null,
    optedOut: false
  })
  const order = ['accepted', 'queued', 'sending', 'sent', 'delivered', 'read', 'failed']
  const ranks = order.map(name => status({ MessageStatus: name }).rank)
  t.strictSame(ranks, [...new Set(ranks)].sort())
  for (const name of ['failed', 'undelivered', 'canceled']) {
    t.match(status({ SmsStatus: name, ErrorCode: '63016' }), { kind: 'reply.failed', rank: 7, code: 63016 })
  }
  t.match(status({ MessageStatus: 'undelivered', ErrorCode: '21610' }), { optedOut: true })
  t.match(status({ MessageStatus: 'sent', ErrorCode: 'x' }), { code: null, kind: null })
  for (const name of ['levitating', 'constructor']) t.match(status({ MessageStatus: name }), { rank: 0, kind: null })
  t.equal(
    refusal(() => status({ MessageStatus: 'sent', AccountSid: 'AC1' })),
    'ACCOUNT_UNKNOWN'
  )
  t.equal(
    refusal(() => status({})),
    'FORM_INCOMPLETE'
  )
  t.equal(
    refusal(() => status({ MessageStatus: 'sent', MessageSid: 'SM1' })),
    'FORM_INCOMPLETE'
  )
})
