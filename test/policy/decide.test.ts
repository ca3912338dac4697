import t from 'tap'
import { z } from 'zod'
import { isIssued } from '../../src/frames/permit.ts'
import { type Integrity, integrities } from '../../src/frames/provenance.ts'
import type { Binding } from '../../src/policy/approval.ts'
import { policy } from '../../src/policy/classes.ts'
import { type Ask, type AskedCall, type Circumstances, decide } from '../../src/policy/decide.ts'
import { classOf, classOfTool } from '../../src/tools/class-of.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import type { Annotations } from '../../src/tools/tool.ts'
import { randomFrom } from '../random.ts'

const input = z.strictObject({
  title: z.string().max(20).optional(),
  count: z.number().optional(),
  deep: z.json().optional()
})
const hints = (readOnlyHint: boolean, destructiveHint: boolean, idempotentHint: boolean, openWorldHint: boolean) => ({
  readOnlyHint,
  destructiveHint,
  idempotentHint,
  openWorldHint
})
const schemaHash = 'a'.repeat(64)
const now = Date.UTC(2026, 10, 23)
const unasked = { approved: null, declined: false, hosts: new Set(['example.org']), now }
const trusted = ['system', 'operator', 'user_typed', 'user_voice']
const read = hints(true, false, true, false)
const add = hints(false, false, false, false)

type Hints = Partial<Annotations>

function taking(given: z.ZodObject) {
  const run = async () => ({ outcome: 'done', result: '' }) as const
  const definition = { name: 'add', description: '', annotations: add, repeatable: false, describe: () => '', run }
  return defineTool({ ...definition, input: given })
}

const usual = taking(input)

function toolOf(annotations: Hints, given: z.ZodObject = input): NonNullable<Circumstances['tool']> {
  const { name, read } = given === input ? usual : taking(given)
  return { name, class: classOf(annotations), schemaHash, read }
}

function decided(raw: string, change: Partial<Circumstances> & { annotations?: Hints; asks?: string } = {}) {
  const { annotations = add, asks = 'add', ...rest } = change
  const call: AskedCall = { execution: 'e', call: 'c', tool: asks, arguments: raw }
  const tool = toolOf(annotations)
  return decide(
    call,
    { tool, tools: ['add', 'list'], integrity: 'user_voice', callsSoFar: 0, maxCalls: 12, ...unasked, ...rest },
    policy
  )
}

function codeOf(decision: ReturnType<typeof decided>): string {
  if ('ask' in decision) return 'asked'
  return 'allow' in decision ? 'allowed' : decision.deny.code
}

t.test('a class follows from the hints, and an absent hint is the worst one', async t => {
  t.equal(classOf(read), 'R0')
  t.equal(classOf(hints(true, false, true, true)), 'R1')
  t.equal(classOf(add), 'W0')
  t.equal(classOf(hints(false, false, true, false)), 'W1')
  t.equal(classOf(hints(false, true, true, false)), 'D')
  t.equal(classOf(hints(false, false, false, true)), 'X')
  t.equal(classOf({}), 'D')
  t.equal(classOf({ readOnlyHint: true }), 'R1')
  t.equal(classOf({ readOnlyHint: 'true' } as never), 'D')
})

t.test('an allowed call gets a permit over exactly the parsed arguments', async t => {
  const decision = decided('{"title":"milk","count":2}')
  if (!('allow' in decision)) return t.fail('it was not allowed')
  t.ok(isIssued(decision.allow))
  const { execution, call, tool, class: toolClass, arguments: args } = decision.allow
  t.strictSame(
    { execution, call, tool, toolClass, args },
    { execution: 'e', call: 'c', tool: 'add', toolClass: 'W0', args: { title: 'milk', count: 2 } }
  )
})

t.test(
  'destructive, outward and reaching calls are asked about whatever the context, with exactly what would be run',
  async t => {
    for (const annotations of [
      {},
      hints(false, true, true, false),
      hints(false, false, true, true),
      hints(true, false, true, true)
    ]) {
      for (const integrity of integrities) {
        const decision = decided('{}', { annotations, integrity })
        const toolClass = classOf(annotations)
        const context = trusted.includes(integrity) ? 'trusted' : 'tainted'
        t.match(decision, { ask: { tool: 'add', class: toolClass, arguments: {}, rule: `${toolClass} ${context}` } })
      }
    }
  }
)

t.test(
  'a write runs only in a context of the person, the operator and the system; an unknown label counts as tainted',
  async t => {
    const allowed = integrities.filter(integrity => 'allow' in decided('{}', { integrity }))
    t.strictSame(allowed, trusted)
    t.equal(codeOf(decided('{}', { integrity: 'root' as Integrity })), 'asked')
    t.equal(codeOf(decided('{}', { integrity: 'web', annotations: read })), 'allowed')
  }
)

t.test('arguments that do not fit are denied with words that name the place and repeat no value', async t => {
  const bad: Record<string, string> = {
    'not JSON': '{"title":',
    'an array': '[1]',
    'a bare text': '"title"',
    null: 'null',
    'an unknown key': '{"title":"a","secret":"b"}',
    'a wrong type': '{"title":5}',
    'a text that is too long': `{"title":"${'x'.repeat(21)}"}`,
    'a number beyond 2^53': '{"count":9007199254740993}',
    'a huge number': '{"count":1e300}',
    'a number beyond all': '{"count":1e999}',
    'a hidden huge number': '{"deep":{"a":[9007199254740993]}}',
    'decomposed letters': '{"title":"e\u0301"}',
    'a lone surrogate': '{"title":"\\ud800"}',
    'a prototype': '{"__proto__":{"admin":true}}',
    'a deep prototype': '{"deep":{"__proto__":{"admin":true}}}',
    'a constructor': '{"deep":{"constructor":{"prototype":{}}}}',
    'deep nesting': `{"deep":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
  }
  for (const [name, raw] of Object.entries(bad)) {
    const decision = decided(raw)
    t.equal(codeOf(decision), 'ARGUMENTS_INVALID', name)
    if ('deny' in decision) t.ok(decision.deny.result.length < 1_000, `${name} is told briefly`)
  }
  t.equal(({} as { admin?: boolean }).admin, undefined)
  t.match(decided('{"title":5}'), { deny: { result: /title: .*expected string/ } })
  t.notMatch(JSON.stringify(decided('{"title":"averylongvaluethatisprivate"}')), /private/)
})

t.test('no arguments at all are an empty object', async t => {
  t.equal(codeOf(decided('')), 'allowed')
})

t.test('an unknown tool is denied with the names that there are', async t => {
  t.match(decided('{}', { tool: undefined, asks: 'format_disk' }), {
    deny: { code: 'TOOL_UNKNOWN', result: /add, list/ }
  })
  t.equal(codeOf(decided('{}', { asks: 'other' })), 'TOOL_UNKNOWN', 'a tool of another name is not taken for it')
})

t.test('calls beyond the limit are denied, and so are calls that cannot be counted', async t => {
  t.equal(codeOf(decided('{}', { callsSoFar: 11 })), 'allowed')
  t.match(decided('{}', { callsSoFar: 12 }), { deny: { code: 'TOO_MANY_CALLS', result: /answer with what you have/ } })
  t.equal(codeOf(decided('{}', { callsSoFar: Number.NaN })), 'TOO_MANY_CALLS')
})

t.test('whatever goes wrong inside is a denial', async t => {
  const throwing = z.strictObject({
    title: z.string().refine(() => {
      throw new Error('broken')
    })
  })
  t.equal(codeOf(decided('{"title":"a"}', { tool: toolOf(read, throwing) })), 'POLICY_BROKEN')
  t.equal(codeOf(decide(undefined as never, undefined as never, policy)), 'POLICY_BROKEN')
  const empty = { version: 'x', verdicts: {} } as never
  t.match(
    decide(
      { execution: 'e', call: 'c', tool: 'add', arguments: '{}' },
      {
        tool: toolOf(read),
        ...{ tools: [], integrity: 'system', callsSoFar: 0, maxCalls: 1, ...unasked }
      },
      empty
    ),
    { deny: { code: 'POLICY_BROKEN' } }
  )
  const lawless = { version: 'x', verdicts: { R0: { trusted: 'please', tainted: 'please' } } } as never
  const call = { execution: 'e', call: 'c', tool: 'add', arguments: '{}' }
  const rest = { tools: [], integrity: 'system', callsSoFar: 0, maxCalls: 1, ...unasked } as const
  t.match(decide(call, { tool: toolOf(read), ...rest }, lawless), { deny: { code: 'TOOL_OFF' } })
})

t.test(
  'over a hundred thousand random calls nothing is thrown, the same call is decided alike and at once, and only R0, W0 and W1 run',
  async t => {
    const random = randomFrom(20261123)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    const bits = [true, false, undefined, 'yes', null]
    const raws = [
      '{}',
      '',
      '{"title":"a"}',
      '{"title":1}',
      '{"deep":{"a":[1,{"b":null}]}}',
      '[]',
      '{',
      'null',
      '{"__proto__":1}'
    ]
    const allowed = new Set<string>()
    const took: number[] = []
    for (let i = 0; i < 100_000; i++) {
      const annotations = hints(
        pick(bits) as boolean,
        pick(bits) as boolean,
        pick(bits) as boolean,
        pick(bits) as boolean
      )
      const change = {
        annotations,
        asks: pick(['add', 'add', 'add', 'remove', '', '__proto__']),
        integrity: pick([...integrities, 'unknown' as Integrity]),
        callsSoFar: pick([0, 1, 11, 12, -1, Number.NaN])
      }
      const raw =
        random() < 0.8 ? pick(raws) : Array.from({ length: 8 }, () => String.fromCharCode(random() * 65_536)).join('')
      const began = performance.now()
      const decision = decided(raw, change)
      took.push(performance.now() - began)
      if (JSON.stringify(decision) !== JSON.stringify(decided(raw, change)))
        return t.fail(`decided in two ways: ${raw}`)
      if (!('allow' in decision)) continue
      const { class: toolClass, tool } = decision.allow
      allowed.add(toolClass)
      const isClosed = annotations.openWorldHint === false
      const isHarmless = annotations.readOnlyHint === true || annotations.destructiveHint === false
      const isHeeded = toolClass === 'R0' || trusted.includes(change.integrity)
      if (!isClosed || !isHarmless || !isHeeded || tool !== 'add' || change.asks !== 'add')
        return t.fail(`allowed: ${JSON.stringify(change)}`)
    }
    t.strictSame([...allowed].sort(), ['R0', 'W0', 'W1'])
    const p99 = took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? Number.NaN
    t.ok(p99 < 1, `one in a hundred takes ${p99.toFixed(3)} ms`)
  }
)

t.test('what a person approved runs: exactly that, under the rules they were asked under, and in time', async t => {
  const raw = '{"title":"milk"}'
  const asked = decided(raw, { annotations: {} })
  if (!('ask' in asked)) return t.fail('it was not asked')
  const approved = boundTo(asked.ask)
  const under = (change: Partial<Binding>, rest: Partial<Circumstances> = {}, text = raw) =>
    codeOf(decided(text, { annotations: {}, approved: { ...approved, ...change }, ...rest }))
  t.equal(under({}), 'allowed')
  t.equal(under({}, { integrity: 'web' }), 'allowed', 'they were shown where it came from')
  const others: Partial<Binding>[] = [
    { call: 'another' },
    { execution: 'another' },
    { tool: 'list' },
    { arguments: { title: 'bread' } },
    { arguments: {} },
    { arguments: { title: 'milk', count: 1 } },
    { class: 'X' },
    { schemaHash: 'b'.repeat(64) },
    { policyVersion: 'another' }
  ]
  for (const change of others) t.equal(under(change), 'asked', JSON.stringify(change))
  t.equal(under({}, {}, '{"title":"bread"}'), 'asked', 'other arguments are another call')
  t.equal(under({ exp: now - 61_000 }), 'APPROVAL_EXPIRED')
  t.equal(under({ exp: now - 59_000 }), 'allowed', 'an answer in time may wait for its turn')
})

t.test('after one refusal nothing more of a message is asked, but what was approved still runs', async t => {
  t.equal(codeOf(decided('{}', { annotations: {}, declined: true })), 'DECLINED_BEFORE')
  t.equal(codeOf(decided('{}', { declined: true })), 'allowed', 'what needs no approval goes on')
  const asked = decided('{}', { annotations: {} })
  if (!('ask' in asked)) return t.fail('it was not asked')
  t.equal(codeOf(decided('{}', { annotations: {}, declined: true, approved: boundTo(asked.ask) })), 'allowed')
})

function boundTo({ tool, class: toolClass, schemaHash, rule, arguments: args }: Ask): Binding {
  return {
    ...{ v: 1, tenant: 'AC1', principal: 'p', channel: 'messaging', execution: 'e', call: 'c', tool, schemaHash, rule },
    ...{ arguments: args as Binding['arguments'], target: null, class: toolClass, policyVersion: policy.version },
    ...{ integrity: 'user_voice', iat: now, exp: now + 600_000, nonce: 'n' }
  }
}

t.test(
  'what the local table calls high risk is, whatever its hints say: it is asked about and runs when it is approved',
  async t => {
    t.equal(classOfTool({ name: 'export_data', annotations: read }), 'H')
    t.equal(classOfTool({ name: 'add', annotations: read }), 'R0')
    const tool = { ...toolOf(read, z.strictObject({})), name: 'export_data', class: 'H' as const }
    const about = { tool, asks: 'export_data', tools: ['export_data'] }
    for (const integrity of integrities) t.match(decided('{}', { ...about, integrity }), { ask: { class: 'H' } })
    const asked = decided('{}', about)
    if (!('ask' in asked)) return t.fail('it was not asked')
    t.equal(codeOf(decided('{}', { ...about, approved: boundTo(asked.ask) })), 'allowed')
    const asAnother = { ...boundTo(asked.ask), class: 'X' as const }
    t.equal(
      codeOf(decided('{}', { ...about, approved: asAnother })),
      'asked',
      'one word for another class is none for this'
    )
  }
)

t.test('the policy names its version by its rules', async t => {
  t.match(policy.version, /^[0-9a-f]{16}$/)
})

t.test(
  'a reading call runs unasked where all of its links lead to allowed hosts, and never in a tainted context',
  async t => {
    const free = z.strictObject({ url: z.json().optional(), note: z.json().optional() })
    const tool = toolOf(hints(true, false, true, true), free)
    const on = (given: object, integrity: Integrity = 'user_voice') =>
      codeOf(decided(JSON.stringify(given), { tool, integrity }))
    const good = [
      { url: 'https://example.org' },
      { url: 'https://docs.example.org/a?b=c' },
      { url: 'HTTPS://EXAMPLE.ORG/' },
      { url: ['https://example.org/1', 'http://example.org/2'], note: 'a short note, v2' }
    ]
    for (const given of good) {
      t.equal(on(given), 'allowed', JSON.stringify(given))
      for (const integrity of ['user_forwarded', 'tool_own', 'tool_third_party', 'web'] as const) {
        t.equal(on(given, integrity), 'asked', `${JSON.stringify(given)} in ${integrity}`)
      }
    }
    const bad = [
      {},
      { note: 'no link at all' },
      { url: 'https://evil.com' },
      { url: 'https://example.org.evil.com/' },
      { url: 'https://notexample.org' },
      { url: 'https://example.org@evil.com/' },
      { url: 'https://evil.com\\@example.org' },
      { url: 'https:\\\\evil.com' },
      { url: 'https:evil.com' },
      { url: '//evil.com' },
      { url: 'evil.com' },
      { url: 'example.org' },
      { url: 'file:///etc/passwd' },
      { url: 'ftp://example.org/' },
      { url: 'javascript:alert(1)' },
      { url: 'http://0x7f.1/' },
      { url: 'http://2130706433/' },
      { url: 'http://[::1]/' },
      { url: 'https://example.org\t.evil.com' },
      { url: 'https://example.org https://evil.com' },
      { url: 'https://example.org\nHost: evil.com' },
      { url: 'https://example.org。evil.com/' },
      { url: 'see https://example.org' },
      { url: ['https://example.org', 'https://evil.com'] },
      { url: 'https://example.org', note: 'or https://evil.com' },
      { url: 'https://example.org', note: { deep: [{ er: 'wa.me/15551234567' }] } },
      { url: 'https://example.org', note: { 'https://evil.com': 1 } },
      { url: 'https://example.org', note: 'mailto:a@evil.com' },
      { url: 'https://example.org', note: '127.0.0.1/x' }
    ]
    for (const given of bad) t.equal(on(given), 'asked', JSON.stringify(given))
    t.equal(codeOf(decided('{"url":"https://example.org"}', { tool, hosts: new Set() })), 'asked', 'no host is allowed')
  }
)
