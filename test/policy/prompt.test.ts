import t from 'tap'
import { questionMark } from '../../src/frames/approval.ts'
import type { Binding } from '../../src/policy/approval.ts'
import { promptWords, renderPrompt } from '../../src/policy/prompt.ts'
import { randomFrom } from '../random.ts'

const bound: Binding = {
  ...{ v: 1, tenant: 'AC1', principal: 'p', channel: 'messaging', execution: 'e', call: 'c', tool: 'send_message' },
  ...{ schemaHash: 'h', arguments: {}, target: null, class: 'X', rule: 'X trusted', policyVersion: 'v' },
  ...{ integrity: 'user_voice', iat: 0, exp: 600_000, nonce: 'n' }
}
const shown = (args: Record<string, unknown>, change: Partial<Binding> = {}, language: 'en' | 'es' = 'en') =>
  renderPrompt({ ...bound, arguments: args as Binding['arguments'], ...change }, 'Send a message', language) ?? ''

t.test('every value stands in the question, behind the verb of the class, in each language', async t => {
  const args = { to: 'Ann', text: 'See you at nine', copies: 2, urgent: true, tags: ['a', 'b'], note: null }
  for (const language of ['en', 'es'] as const) {
    const prompt = shown(args, {}, language)
    t.ok(prompt.startsWith(`${questionMark} ${promptWords[language].verbs.X}: `))
    for (const [name, value] of Object.entries(args)) {
      t.ok(prompt.includes(`- ${name}: \`${JSON.stringify(value)}\``), `${language}: ${name}`)
    }
    t.ok(prompt.endsWith(promptWords[language].approve(10)))
  }
  t.match(shown({}, { class: 'D' }), /^🔐 DELETE/)
  t.match(shown({}, { class: 'W0' }), /^🔐 CONFIRM/)
  t.match(
    shown({}, { target: { id: 't', fingerprint: 'f', label: 'Pay `rent`\u202e' } }),
    /about `"Pay \\u\{60\}rent\\u\{60\}\\u\{202e\}"`/
  )
})

t.test('whatever did not come from the person is named', async t => {
  t.notMatch(shown({}), /Not from you/)
  t.match(shown({}, { integrity: 'user_forwarded' }), /Not from you: .* a forwarded message\.$/m)
  t.match(shown({}, { integrity: 'tool_third_party' }), /Not from you: .* a tool's answer\.$/m)
  t.match(shown({}, { integrity: 'web' }, 'es'), /No viene de ti: .* la web\.$/m)
  const about = (change: object, language: 'en' | 'es' = 'en') =>
    shown({}, { target: { id: 'c', fingerprint: 'f', label: 'Bob', ...change } }, language)
  t.match(about({}), /^It is about `"Bob"`$/m)
  t.match(about({ integrity: 'user_typed' }), /^It is about `"Bob"`$/m)
  t.match(
    about({ integrity: 'user_forwarded' }),
    /^It is about `"Bob"` \(not your words: they came with a forwarded message\)$/m
  )
  t.match(about({ integrity: 'tool_third_party' }, 'es'), /^Se trata de `"Bob"` \(no son palabras tuyas: .*\)$/m)
})

t.test('what cannot be seen is shown, so that different values are different texts', async t => {
  const alike = [
    ...[
      'Ann',
      'Ann ',
      'Ann\u200b',
      '\u202eAnn',
      'An\u0430',
      'A\u2062nn',
      'Ann\u{e0041}',
      'Ann\n',
      'Ann\\n',
      'Ann\u00a0',
      'Ann\ufe0f'
    ],
    ...[
      'Ann`',
      'Ann\\u{60}',
      'Ann" and everybody',
      'Ann\\',
      'Ann\t',
      'Ann\u0000',
      'Ann\u00ad',
      'Ann\u3164',
      'Ann\u2028',
      '"Ann"'
    ]
  ]
  const texts = alike.map(to => shown({ to }))
  t.equal(new Set(texts).size, alike.length)
  for (const [i, text] of texts.entries()) {
    t.notMatch(text.replaceAll('\n', ''), /[\p{C}\p{Zl}\p{Zp}\u00a0\u3164]/u, `text ${i}`)
    t.equal(text.split('\n').length, texts[0]?.split('\n').length, 'no value makes a line of its own')
  }
  t.not(shown({ a: 'b', c: 'd' }), shown({ a: 'b`\n- c: `"d' }), 'a value cannot play another one')
  t.not(shown({ n: 1 }), shown({ n: '1' }))
})

t.test('over ten thousand random values no two are shown alike', async t => {
  const random = randomFrom(20261123)
  const pieces = [
    'a',
    'b',
    '\u200b',
    '\u202e',
    '`',
    '"',
    '\\',
    '\n',
    ' ',
    '\u{e0020}',
    '…',
    '(',
    'u{60}',
    'é',
    '٣',
    '🔐',
    'x'.repeat(90)
  ]
  const seen = new Map<string, string>()
  for (let i = 0; i < 10_000; i++) {
    const value = Array.from(
      { length: 1 + Math.floor(random() * 9) },
      () => pieces[Math.floor(random() * pieces.length)]
    ).join('')
    const text = shown({ value })
    const other = seen.get(text)
    if (text === '' || (other !== undefined && other !== value)) return t.fail(JSON.stringify([value, other]))
    seen.set(text, value)
  }
  t.ok(seen.size > 5_000)
})

t.test('a long value is cut in the middle and named by its hash; too many of them are not asked', async t => {
  const long = (middle: string) => `begins ${'x'.repeat(5_000)}${middle}${'y'.repeat(5_000)} ends`
  const [one, two] = [shown({ text: long('1') }), shown({ text: long('2') })]
  t.match(one, /`"begins x+` … `y+ ends"` \(10015 characters, [0-9a-f]{8}\)/)
  t.not(one, two)
  t.ok(one.length < 1_400)
  const many = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`text${i}`, long('')]))
  t.equal(renderPrompt({ ...bound, arguments: many }, 'Send', 'en'), null)
})
