import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createKnownSecrets } from '../../src/policy/known-secrets.ts'
import { randomFrom } from '../random.ts'

const secrets = {
  hex: '0f1e2d3c4b5a69788796a5b4c3d2e1f1',
  key: 'sk-proj-Qm9vZ2llMDA3_x9-LkT4wZb71Yc',
  base64: 'mJ8/Kq+1vVYd0xkR2sTtP5bB7cDfGhLzWnQeUuIoAaE=',
  aws: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  short: 'tR4&x9!q',
  signs: '!?#-$%^&*+=',
  accents: 'Zürich-Ångström-42',
  cyrillic: 'пароль-Сезам-2026',
  spaced: 'correct horse battery 77 staple',
  json: '{"k":"va\\nl","n":17}\n',
  pem: `-----BEGIN KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ'}\n-----END KEY-----`
}
const known = createKnownSecrets()
for (const secret of Object.values(secrets)) known.add(secret)

const utf8 = (text: string) => Buffer.from(text)
const between = (text: string, what: string) => [...text].join(what)
const wide = (text: string) => text.replace(/[!-~]/g, sign => String.fromCodePoint(sign.codePointAt(0)! + 0xfee0))
const hex = (text: string, before = '', after = '') =>
  Array.from(utf8(text), byte => before + byte.toString(16).padStart(2, '0') + after).join('')
const base64 = (text: string, before = 0, after = 0) =>
  Buffer.concat([Buffer.alloc(before, 'x'), utf8(text), Buffer.alloc(after, 'y')]).toString('base64')
const urlSafe = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
const mathematical = (text: string) =>
  text.replace(/[a-z]/g, letter => String.fromCodePoint(0x1d41a + letter.charCodeAt(0) - 97))
const tags = (text: string) => between(text, String.fromCodePoint(0xe0041))

/** The dresses of safety rule 3.8 (1), and ways to vary each of them. */
const dresses: Record<string, (secret: string) => string> = {
  plain: secret => secret,
  'in a sentence': secret => `The key is "${secret}", keep it.`,
  capitals: secret => secret.toUpperCase(),
  'small letters': secret => secret.toLowerCase(),
  'mixed letters': secret => [...secret].map((sign, i) => (i % 2 ? sign.toUpperCase() : sign.toLowerCase())).join(''),
  'decomposed (NFD)': secret => secret.normalize('NFD'),
  'wide letters (NFKC)': wide,
  'mathematical letters (NFKC)': mathematical,
  'mathematical capitals (NFKC)': secret =>
    secret.toUpperCase().replace(/[A-Z]/g, letter => String.fromCodePoint(0x1d400 + letter.charCodeAt(0) - 65)),
  'zero-width spaces': secret => between(secret, '\u200b'),
  'soft hyphens': secret => between(secret, '\u00ad'),
  'joiners and marks': secret => between(secret, '\u200d\ufe0f\u2060'),
  'tag characters': tags,
  'written in tags': secret =>
    secret.replace(/[ -~]/g, sign => String.fromCodePoint(0xe0000 + (sign.codePointAt(0) ?? 0))),
  'fillers of Hangul': secret => between(secret, '\u3164'),
  'digits of another script': secret => secret.replace(/\d/g, digit => String.fromCodePoint(0x660 + Number(digit))),
  'small letters of Turkish': secret => secret.replaceAll('I', 'ı'),
  'base64 of wide letters': secret => base64(wide(secret), 1),
  'base64 of zero-width spaces': secret => base64(between(secret, '\u200b')),
  'base64 twice': secret => base64(base64(secret, 1), 2),
  'base64 of hex, in lines': secret => base64(hex(secret)).replace(/.{19}/g, '$&\n'),
  'hex of base64': secret => hex(base64(secret, 1)),
  'hex of it URL-coded': secret => hex(hex(secret, '%'), ' '),
  'hex of wide letters': secret => hex(wide(secret)),
  'bidi marks': secret => `\u202e${between(secret, '\u200f')}\u202c`,
  backwards: secret => [...secret].reverse().join(''),
  'backwards, with spaces': secret => between([...secret].reverse().join(''), ' '),
  hex: secret => hex(secret),
  'hex in capitals': secret => hex(secret).toUpperCase(),
  'hex with colons': secret => hex(secret, '', ':'),
  'hex in lines': secret => hex(secret, '', '\n'),
  'hex as in C': secret => hex(secret, '\\x'),
  'hex as numbers': secret => hex(secret, '0x', ', '),
  'hex backwards': secret => [...hex(secret)].reverse().join(''),
  ...Object.fromEntries(
    [0, 1, 2, 3, 4].flatMap(before =>
      [0, 1, 2].map(after => [`base64 between ${before} and ${after}`, (text: string) => base64(text, before, after)])
    )
  ),
  'base64 for URLs': secret => urlSafe(base64(secret, 1, 1)),
  'base64 in lines': secret => base64(secret, 2, 40).replace(/.{9}/g, '$&\r\n'),
  'base64 with spaces': secret => between(base64(secret), ' '),
  'base64 backwards': secret => [...base64(secret, 1)].reverse().join(''),
  'base64 of it backwards': secret => base64([...secret].reverse().join('')),
  'base64 of it in capitals': secret => base64(secret.toUpperCase(), 1),
  'URL-coded': secret => encodeURIComponent(secret),
  'URL-coded all over': secret => hex(secret, '%'),
  'URL-coded in capitals': secret => hex(secret, '%').toUpperCase(),
  'URL-coded twice': secret => encodeURIComponent(hex(secret, '%')),
  'URL-coded base64': secret => encodeURIComponent(base64(secret, 1)),
  'in a query': secret => `https://evil.example/?q=${new URLSearchParams({ s: secret })}`,
  JSON: secret => JSON.stringify({ a: [secret] }),
  'JSON escapes': secret =>
    Array.from(secret, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  'escapes with %u': secret =>
    Array.from(secret, sign => `%u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  'one letter escaped': secret => `\\u${secret.charCodeAt(0).toString(16).padStart(4, '0')}${secret.slice(1)}`,
  'HTML escapes': secret => Array.from(secret, sign => `&#${sign.codePointAt(0)};`).join('')
}
// What consists of signs has nothing left when the signs are taken for separators: it is found where they are not.
const separators: Record<string, (secret: string) => string> = Object.fromEntries(
  [' ', '-', '.', '_', '\n', ' - ', '•', '/', '", "', '😀', '\t|\t'].map(what => [
    `with ${JSON.stringify(what)} between`,
    (secret: string) => between(secret, what)
  ])
)

Object.assign(separators, { 'base64 of it with separators': (secret: string) => base64(between(secret, '-'), 2) })

const ordinary = [
  'Your dentist appointment is on Tuesday at 9:30. Shall I move it to Thursday?',
  'I have added "buy milk, 2 l" to your list. You have 3 open tasks: milk, rent (1,250.50 €), call Ann.',
  'Never tell anybody your password or the code of your card; a bank does not ask for it.',
  'The API key was rotated yesterday, and the old secret does not work any more.',
  'sk- is how keys of OpenAI begin, AKIA how those of AWS do, and hvs. how tokens of Vault do.',
  'Your reference is 7f9c24e8-3b12-4fef-91e0-aa5f2b1c9d10, your parcel 00340434161094042557.',
  'The commit 25185e6f0c1d2a3b4c5d6e7f8091a2b3c4d5e6f7 fixed it; SHA-256 of it is e3b0c44298fc1c149afbf4c8996fb924.',
  'aGVsbG8gd29ybGQsIHRoaXMgaXMgYW4gb3JkaW5hcnkgYmFzZTY0IHRleHQ= says hello world.',
  'Call +49 176 12345678 or +1 (415) 523-8886 between 8 and 17 h.',
  'https://example.org/a?b=c%20d&e=%E2%9C%93#top and ftp://files.example.org/x.tar.gz',
  '-----BEGIN CERTIFICATE----- is the first line of a certificate, and a key begins the same way.',
  'Ich habe die Aufgabe „Miete überweisen“ gelöscht. Möchtest du noch etwas? Zürich ist schön.',
  'Tu cita con el dentista es el martes a las nueve y media. ¿La cambio al jueves?',
  'J’ai ajouté « acheter du lait » à ta liste. Il te reste trois tâches, dont le loyer.',
  'Ho aggiunto “comprare il latte” alla lista; l’appuntamento è giovedì alle 17.',
  'Adicionei “comprar leite” à sua lista. A reunião é na quinta-feira, às 14h.',
  'Ik heb de afspraak naar donderdag verplaatst. Wil je nog een herinnering?',
  'Dodałem „kup mleko” do listy. Wizyta u dentysty jest we wtorek o 9:30.',
  'Randevunuz salı günü saat dokuz buçukta. Perşembeye alayım mı?',
  'Ваша запись к врачу — во вторник в 9:30. Пароль никому не говорите.',
  'Завтра о дев’ятій у вас зустріч. Нагадати за годину?',
  'موعدك عند طبيب الأسنان يوم الثلاثاء الساعة التاسعة والنصف.',
  'התור שלך לרופא השיניים הוא ביום שלישי בתשע וחצי.',
  'आपकी अपॉइंटमेंट मंगलवार को साढ़े नौ बजे है। क्या मैं इसे बदल दूँ?',
  'মঙ্গলবার সাড়ে নয়টায় আপনার অ্যাপয়েন্টমেন্ট।',
  'คุณมีนัดหมอฟันวันอังคาร เวลา 9:30 น.',
  '您的牙医预约在星期二上午九点半。要改到星期四吗？密码不要告诉别人。',
  '歯医者の予約は火曜日の9時半です。木曜日に変更しますか？',
  '치과 예약은 화요일 오전 9시 30분입니다. 목요일로 옮길까요?',
  'Lịch hẹn nha sĩ của bạn là thứ Ba lúc 9 giờ rưỡi.',
  'Janji temu dokter gigi Anda hari Selasa pukul 9.30.',
  'Miadi yako na daktari wa meno ni Jumanne saa tatu na nusu.',
  'Το ραντεβού σας είναι την Τρίτη στις 9:30.',
  'Tandlægen er tirsdag kl. 9.30. Skal jeg flytte den? Ångström skrev det.',
  '👍 Done! ✅ See you 🗓️ on Tuesday 🦷',
  '0x1f, 0x2e, %41%42%43, \\u0041\\u0042 and &#65;&#66; are ways to write letters.',
  'A'.repeat(500),
  '1234567890 '.repeat(50)
]

t.test('each secret is found in each dress, alone and within a long text', async t => {
  const around = 'Thank you, the appointment is on Tuesday. '.repeat(20)
  for (const [name, secret] of Object.entries(secrets)) {
    const isOfSigns = name === 'signs' || name === 'short'
    for (const [dress, put] of Object.entries({ ...dresses, ...(isOfSigns ? {} : separators) })) {
      if (!known.findIn(put(secret))) t.fail(`${name}, ${dress}: ${put(secret)}`)
      if (!known.findIn(`${around}${put(secret)} ${around}`)) t.fail(`${name}, ${dress}, in the middle`)
    }
  }
  t.ok(Object.keys({ ...dresses, ...separators }).length > 50)
})

t.test('random secrets are found in each dress as well', async t => {
  const random = randomFrom(27)
  const missed: string[] = []
  const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-.~!']
  for (let i = 0; i < 300; i++) {
    const length = 8 + Math.floor(random() * 60)
    const secret = Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('')
    const one = createKnownSecrets()
    one.add(secret)
    for (const [dress, put] of Object.entries(dresses)) {
      if (!one.findIn(`Here: ${put(secret)}!`)) missed.push(`${secret}, ${dress}`)
    }
  }
  t.strictSame(missed, [])
})

t.test('bytes that are no text are found in hex and base64', async t => {
  const bytes = randomBytes(32)
  const one = createKnownSecrets()
  one.add(bytes)
  for (const before of [0, 1, 2]) {
    const longer = Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(1)])
    for (const form of ['hex', 'base64', 'base64url'] as const) t.ok(one.findIn(longer.toString(form)), form)
  }
  t.notOk(one.findIn(randomBytes(32).toString('hex')))
})

t.test('a long secret that is cut in two is found by one of its halves', async t => {
  for (const secret of [secrets.hex, secrets.base64, secrets.aws]) {
    for (let cut = 1; cut < secret.length; cut++) {
      const pieces = [secret.slice(0, cut), secret.slice(cut)]
      if (!pieces.some(piece => known.findIn(`A part of it: ${piece}`))) t.fail(`${secret} cut at ${cut}`)
    }
  }
  t.notOk(known.findIn(secrets.hex.slice(0, 10)), 'a few characters may be anything')
})

t.test('ordinary texts in many languages hold none, also where they look alarming', async t => {
  const read = (file: string) => readFileSync(join(import.meta.dirname, '../..', file), 'utf8')
  const files = [
    'README.md',
    'LICENSE',
    'package-lock.json',
    'src/agent/instructions.ts',
    'src/policy/plain-answers.ts'
  ]
  const spoken = read('test/voices/transcripts.jsonl').trim().split('\n')
  for (const text of [...ordinary, ...spoken, ...ordinary.map(each => base64(each)), ...files.map(read)]) {
    if (known.findIn(text)) t.fail(text.slice(0, 200))
  }
  for (const text of [ordinary.join('\n'), ordinary.join(' ').repeat(8)]) t.notOk(known.findIn(text))
  const random = createKnownSecrets()
  for (let i = 0; i < 200; i++) random.add(randomBytes(6 + (i % 30)).toString(i % 2 ? 'base64url' : 'hex'))
  for (const text of [...ordinary, ...files.map(read)]) t.notOk(random.findIn(text))
})

t.test('what is too short to be told from words is not looked for', async t => {
  const one = createKnownSecrets()
  for (const short of ['', 'a', 'secret', '1234567', '        ', '\u200b'.repeat(9), 'a b c d ']) one.add(short)
  for (const text of ['', 'a', 'my secret is 1234567', ' '.repeat(40), 'abcdefgh a b c d e']) t.notOk(one.findIn(text))
})

t.test('64,000 characters are searched in a moment, whatever they are', async t => {
  const many = createKnownSecrets()
  const own = Array.from({ length: 60 }, (_, i) => randomBytes(12 + i).toString(i % 2 ? 'hex' : 'base64'))
  for (const secret of own) many.add(secret)
  const part = own.at(-1)!.slice(0, 40)
  const pieces = ['word ', 'a', '%', '%25', '%41', '\\u', '&#', '&#x41;', '0x', '\\', 'é', '\u0301\u200b', 'ﷺ', part]
  for (const piece of [...pieces, part.slice(0, 8), `${part.slice(0, 9)}-`, '[', '{"a":']) {
    const text = piece.repeat(Math.ceil(64_000 / piece.length)).slice(0, 64_000)
    const began = performance.now()
    t.notOk(many.findIn(text.slice(0, 39)), JSON.stringify(piece))
    many.findIn(text)
    t.ok(performance.now() - began < 2_000, `${JSON.stringify(piece)} takes ${performance.now() - began} ms`)
  }
})
