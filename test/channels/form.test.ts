import t from 'tap'
import { isFormType, type Pair, parsePairs, toForm } from '../../src/channels/form.ts'
import { Failure } from '../../src/frames/failure.ts'
import { generator } from './generator.ts'

const parse = (text: string) => parsePairs(Buffer.from(text, 'latin1'))

t.test('pairs are decoded in order, and nothing about them is lost', async t => {
  const cases: [string, Pair[]][] = [
    ['', []],
    ['&&&', []],
    [
      'a=1&&b=2&',
      [
        ['a', '1'],
        ['b', '2']
      ]
    ],
    [
      'a=1&a=1&a=2',
      [
        ['a', '1'],
        ['a', '1'],
        ['a', '2']
      ]
    ],
    ['a', [['a', '']]],
    [
      '%C3%A9&b',
      [
        ['é', ''],
        ['b', '']
      ]
    ],
    ['=', [['', '']]],
    ['=x', [['', 'x']]],
    ['a=b=c', [['a', 'b=c']]],
    ['a==', [['a', '=']]],
    [
      'a%3Db=%26&c%26=%3D',
      [
        ['a=b', '&'],
        ['c&', '=']
      ]
    ],
    [
      'a+b=c+d&e%20f=%2B',
      [
        ['a b', 'c d'],
        ['e f', '+']
      ]
    ],
    ['a=%00%0d%0A%7f', [['a', '\0\r\n\x7f']]],
    ['a=%e2%82%ac%E2%82%AC', [['a', '€€']]],
    [
      '%C3%A9=e%CC%81&x=1',
      [
        ['é', 'e\u0301'],
        ['x', '1']
      ]
    ],
    ['a=%EF%BB%BFb', [['a', '\ufeffb']]],
    ['a=\u00e2\u0082\u00ac', [['a', '€']]],
    [
      '__proto__=1&constructor=2',
      [
        ['__proto__', '1'],
        ['constructor', '2']
      ]
    ],
    [' a = b \r\n', [[' a ', ' b \r\n']]]
  ]
  for (const [text, pairs] of cases) t.strictSame(parse(text), pairs, JSON.stringify(text))
})

t.test('what is not percent-encoded UTF-8 is refused, not repaired', async t => {
  const broken = ['a=%', 'a=%4', 'a=%zz', 'a=%4g', 'a=% 4', '%=a', 'a=%&b=1', 'a=%2&b=1', 'a=%u00e9', 'a=%+1', 'a=%-1']
  const invalid = [
    'a=%FF',
    'a=\xff',
    'a=%C3',
    '%C3=a',
    'a=%C3&%A9=b',
    'a%C3=%A9',
    'a=%C0%80',
    'a=%ED%A0%80',
    'a=%F4%90%80%80'
  ]
  for (const text of [...broken, ...invalid])
    t.equal(
      codeOf(() => parse(text)),
      'FORM_UNDECODABLE',
      text
    )
})

t.test('200 pairs are taken, 201 are not, and empty ones do not count', async t => {
  t.equal(parse('&'.repeat(1000) + 'a=1&'.repeat(200)).length, 200)
  t.equal(
    codeOf(() => parse('a=1&'.repeat(201))),
    'FORM_TOO_MANY_PAIRS'
  )
})

t.test('the largest form is decoded within milliseconds, whatever it holds', async t => {
  for (const unit of ['&', '=', 'a=%41&', '%C3%A9', '%', '+']) {
    const bytes = Buffer.from(unit.repeat(65_536 / unit.length))
    const from = performance.now()
    codeOf(() => parsePairs(bytes))
    t.ok(performance.now() - from < 250, unit)
  }
})

t.test('agrees with URLSearchParams on every well-formed form', async t => {
  const random = generator(7)
  const alphabet = ['a', 'B', '0', '_', '[', ']', ' ', '+', '&', '=', '%', 'é', '€', '😀', '\ufeff', '\0', '~', "'"]
  const word = () => Array.from({ length: random(6) }, () => alphabet[random(alphabet.length)]).join('')
  const wrong: string[] = []
  for (let i = 0; i < 2_000; i++) {
    const form = new URLSearchParams(Array.from({ length: random(8) }, (): [string, string] => [word(), word()]))
    const text = random(2) ? form.toString() : form.toString().replaceAll('+', '%20')
    if (JSON.stringify(parse(text)) !== JSON.stringify([...form])) wrong.push(text)
  }
  t.strictSame(wrong, [])
})

t.test('a form holds each plain key once', async t => {
  const form = toForm([
    ['From', 'whatsapp:+1'],
    ['MediaUrl0', ''],
    ['a[b][c]', '1'],
    ['x-y.z', '2']
  ])
  t.strictSame(
    [...form],
    [
      ['From', 'whatsapp:+1'],
      ['MediaUrl0', ''],
      ['a[b][c]', '1'],
      ['x-y.z', '2']
    ]
  )
  t.equal(
    codeOf(() =>
      toForm([
        ['From', 'a'],
        ['From', 'a']
      ])
    ),
    'FORM_REPEATED_KEY'
  )
  t.equal(
    codeOf(() =>
      toForm([
        ['From', 'a'],
        ['To', 'b'],
        ['From', 'c']
      ])
    ),
    'FORM_REPEATED_KEY'
  )
})

t.test('a list may repeat, since nobody reads it', async t => {
  t.strictSame(
    [
      ...toForm([
        ['x[]', '1'],
        ['a', '2'],
        ['x[]', '3']
      ])
    ],
    [['a', '2']]
  )
})

t.test('odd and inherited names are refused', async t => {
  const names = [
    '',
    '__proto__',
    'constructor',
    'prototype',
    'é',
    '！',
    'Bodypay 1From',
    '1a',
    '-a',
    'a b',
    'a\0',
    'a\n',
    'a'.repeat(65)
  ]
  for (const name of names)
    t.equal(
      codeOf(() => toForm([[name, 'x']])),
      'FORM_KEY_REFUSED',
      JSON.stringify(name)
    )
  t.equal(toForm([['a'.repeat(64), 'x']]).size, 1)
})

t.test('only the type of a UTF-8 form is its type', async t => {
  const type = 'application/x-www-form-urlencoded'
  const yes = [type, type.toUpperCase(), `${type};charset=utf-8`, `${type}; charset=UTF-8`, `${type} ; Charset="utf-8"`]
  const no = [
    undefined,
    '',
    'application/json',
    `${type}; charset=latin1`,
    `${type}; charset`,
    `${type};`,
    `${type}; boundary=x`,
    `x${type}`,
    `${type}, ${type}`,
    `${type}; charset=utf-8; charset=latin1`,
    'multipart/form-data; boundary=x'
  ]
  for (const header of yes) t.ok(isFormType(header), header)
  for (const header of no) t.notOk(isFormType(header), String(header))
})

function codeOf(act: () => unknown): string | undefined {
  try {
    act()
  } catch (error) {
    return error instanceof Failure ? error.code : String(error)
  }
  return undefined
}
