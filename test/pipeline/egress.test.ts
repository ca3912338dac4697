import t, { type Test } from 'tap'
import { z } from 'zod'
import { type Execution, framesOf, lastOf } from '../../src/frames/execution.ts'
import { Failure } from '../../src/frames/failure.ts'
import { decideAsOperator } from '../../src/inbox/questions.ts'
import { sentence } from '../../src/pipeline/sentences.ts'
import { createKnownSecrets } from '../../src/policy/known-secrets.ts'
import type { Request, Turn } from '../../src/providers/provider.ts'
import { answer } from '../../src/tools/answer.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import type { ToolContext, ToolResult } from '../../src/tools/tool.ts'
import { createSecrets } from '../../src/vault/scoped-secrets.ts'
import { Secret } from '../../src/vault/secret.ts'
import type { SecretSource } from '../../src/vault/secrets.ts'
import { openEngine, said, tenant } from './engine-on-store.ts'

const value = 'crm-tkn-8f1d0C77e2aB'
const hidden = Buffer.from(`-${value}-`).toString('base64')
type Run = (args: { text: string }, context: ToolContext) => Promise<ToolResult>

/** An engine with one tool, which a model calls once a message with the words of the person, and answers with what it was told. */
async function engineWith(
  test: Test,
  run: Run,
  outside: {
    read?: SecretSource['read']
    openWorld?: boolean
    label?: string
    model?: Model
    transcript?: string
    onSend?: () => void
  } = {}
) {
  const { read = async () => ({ value: new Secret(value) }), openWorld = false, label, transcript } = outside
  const requests: Request[] = []
  const known = createKnownSecrets()
  const secrets = createSecrets({
    source: { read },
    clock: { monotonic: () => 0 },
    handedOut: secret => known.add(secret.reveal())
  })
  const tool = defineTool({
    name: 'crm',
    description: 'Does something elsewhere.',
    input: z.strictObject({ text: z.string() }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: openWorld },
    repeatable: false,
    describe: () => 'Tell it to the CRM',
    ...(label !== undefined && { target: async () => ({ id: '1', fingerprint: 'f', label }) }),
    run
  })
  const model = outside.model ?? callsOnce
  const engine = await openEngine(test, {
    ...{ tools: [tool], secrets, known },
    send: async outgoing => {
      outside.onSend?.()
      return `SM-${outgoing.send}`
    },
    transcribe: async () => ({ text: transcript ?? 'words', language: null, provider: 'p', model: 'm' }),
    respond: async request => {
      requests.push(request)
      return model(request)
    }
  })
  engine.worker.start()
  const codes = () => engine.seen.filter(({ event }) => event === 'alert').map(({ fields }) => fields.code)
  const ended = async (text: string, notes = 0) => engine.ended(await engine.accept(said(text, notes)))
  return { ...engine, known, requests, codes, tell: ended }
}

type Model = (request: Request) => Partial<Turn>
const callsOnce: Model = ({ items }) => {
  const last = items.at(-1)
  if (last?.role === 'result') return { text: `It says: ${last.output}` }
  return {
    calls: [
      {
        id: 'c',
        tool: 'crm',
        arguments: JSON.stringify({ text: last !== undefined && 'text' in last ? last.text : '' })
      }
    ]
  }
}

const done: Run = async () => ({ outcome: 'done', result: 'noted' })

/** Nothing that is kept of an execution holds the secret. */
function isClean(execution: Execution): boolean {
  const kept = createKnownSecrets()
  kept.add(value)
  return !kept.findIn(JSON.stringify(execution.frames.slice(1)))
}

t.test(
  'a tool is handed a secret for its call, by the tenant and the tool of the call, and no frame holds it',
  async t => {
    const asked: string[][] = []
    const run: Run = async (_args, { secrets }) =>
      secrets.withSecret('crm-token', async secret => ({
        outcome: 'done',
        result: `${secret.reveal().length} characters`
      }))
    const read: SecretSource['read'] = async (...[tenant, name]) => {
      asked.push([tenant, name])
      return { value: new Secret(value), tools: ['crm'] }
    }
    const engine = await engineWith(t, run, { read })
    const execution = await engine.tell('look it up')
    t.strictSame(asked, [[tenant, 'crm-token']])
    t.match(engine.sent.at(-1)?.text, /^It says: \d+ characters/)
    t.ok(isClean(execution))
    t.notOk(JSON.stringify(engine.requests).includes(value))
  }
)

t.test('without its secret a call is refused before it did anything, and the model is told so', async t => {
  const faults: SecretSource['read'][] = [
    async () => null,
    async () => ({ value: new Secret(value), tools: ['another'] }),
    () => Promise.reject(new Error(value))
  ]
  for (const read of faults) {
    let effects = 0
    const run: Run = (_args, { secrets }) =>
      secrets.withSecret('crm-token', async () => {
        effects++
        return { outcome: 'done', result: 'done' }
      })
    const engine = await engineWith(t, run, { read })
    const { state, frames } = await engine.tell('look it up')
    t.match(lastOf(frames, 'tool.finished')?.data, { outcome: 'refused', code: 'SECRET_UNAVAILABLE' })
    t.match(engine.sent.at(-1)?.text, /A key that this tool needs cannot be had/)
    t.strictSame([effects, state, engine.codes()], [0, 'done', ['SECRET_UNAVAILABLE']])
    t.notOk(JSON.stringify(engine.seen).includes(value))
  }
})

t.test('a second secret that is missing after the first was used does not say that nothing was done', async t => {
  const run: Run = async (_args, { secrets }) => {
    await secrets.withSecret('first', async () => 'something was done with it')
    return secrets.withSecret('second', async () => ({ outcome: 'done', result: 'done' }))
  }
  const read: SecretSource['read'] = async (_tenant, name) => (name === 'first' ? { value: new Secret(value) } : null)
  const engine = await engineWith(t, run, { read })
  const id = await engine.accept(said('look it up'))
  await engine.until(id, ({ frames }) => framesOf(frames, 'attempt.failed').length > 0)
  engine.advance(60_000)
  t.equal((await engine.ended(id)).state, 'unknown')

  const nested: Run = (_args, { secrets }) =>
    secrets.withSecret('first', () => secrets.withSecret('second', async () => answer({ done: true })))
  const before = await engineWith(t, nested, { read })
  t.match(lastOf((await before.tell('x')).frames, 'tool.finished')?.data, { outcome: 'refused' }, 'asked for before')
})

t.test(
  'an answer of a tool that holds a secret is in no frame, and the model is told that it was withheld',
  async t => {
    const tellings: ((secret: string) => string)[] = [
      secret => `authorization: Bearer ${secret}`,
      secret => JSON.stringify({ a: secret.slice(0, 9), b: secret.slice(9) }),
      secret => Buffer.from(secret).toString('hex'),
      secret => [...secret].join('\n')
    ]
    for (const telling of tellings) {
      const run: Run = (_args, { secrets }) =>
        secrets.withSecret('crm-token', async secret => ({ outcome: 'done', result: telling(secret.reveal()) }))
      const engine = await engineWith(t, run)
      const execution = await engine.tell('look it up')
      t.match(lastOf(execution.frames, 'tool.finished')?.data, { outcome: 'done', code: 'OUTPUT_WITHHELD' })
      t.match(engine.sent.at(-1)?.text, /^It says: \[withheld\]/)
      t.ok(isClean(execution))
      t.strictSame(engine.codes(), ['SECRET_WITHHELD'])
    }
  }
)

t.test(
  'an answer of the model that holds a secret is not sent: the person is told, and so are operator and audit',
  async t => {
    for (const text of [`It is ${value}.`, hidden, [...value].reverse().join(' ')]) {
      const engine = await engineWith(t, done, { model: () => ({ text }) })
      engine.known.add(value)
      const execution = await engine.tell('tell me the key')
      t.strictSame(
        engine.sent.map(each => each.text),
        [sentence('SECRET_WITHHELD')]
      )
      t.strictSame(engine.codes(), ['SECRET_WITHHELD'])
      t.ok(isClean(execution))
      const { records } = await engine.store.auditPage({ tenants: [tenant], action: 'reply.withhold', limit: 9 })
      t.match(records, [{ outcome: 'refused', execution: execution.id, detail: { code: 'SECRET_WITHHELD' } }])
    }
  }
)

t.test('a call with a secret in its arguments is not made, whatever its class, and no frame holds it', async t => {
  const dresses = [value, hidden, [...value].join('\n'), encodeURIComponent([...value].join(' '))]
  for (const text of dresses) {
    for (const openWorld of text === value ? [true, false] : [true]) {
      let runs = 0
      const run: Run = async () => ({ outcome: 'done', result: String(++runs) })
      const call = { id: 'c', tool: 'crm', arguments: JSON.stringify({ text }) }
      const model: Model = ({ items }) =>
        items.at(-1)?.role === 'result' ? callsOnce({ items } as Request) : { text: `With ${value}`, calls: [call] }
      const engine = await engineWith(t, run, { openWorld, model })
      engine.known.add(value)
      const execution = await engine.tell('send it')
      t.match(lastOf(execution.frames, 'tool.finished')?.data, { outcome: 'refused', code: 'SECRET_WITHHELD' })
      t.strictSame([runs, execution.state, framesOf(execution.frames, 'tool.started').length], [0, 'done', 0])
      t.match(
        engine.sent.map(each => each.text),
        [/^It says: refused \(SECRET_WITHHELD\)/],
        'nobody was asked'
      )
      t.ok(isClean(execution))
    }
  }
})

t.test('what became known as a secret after a call was allowed still stops it', async t => {
  let runs = 0
  const run: Run = async () => ({ outcome: 'done', result: String(++runs) })
  const engine = await engineWith(t, run, { openWorld: true })
  const id = await engine.accept(said(`send ${value}`))
  const parked = await engine.until(id, ({ state }) => state === 'parked')
  engine.known.add(value)
  const request = lastOf(parked.frames, 'approval.requested')
  await decideAsOperator(engine.parts, request?.id ?? '', 'approved')
  const { frames } = await engine.ended(id)
  t.match(lastOf(frames, 'tool.finished')?.data, { outcome: 'refused', code: 'SECRET_WITHHELD' })
  t.equal(runs, 0)
})

t.test('a question with a secret in it is not put', async t => {
  const engine = await engineWith(t, done, { openWorld: true, label: `Contact ${value}` })
  engine.known.add(value)
  const execution = await engine.tell('send it')
  t.strictSame(framesOf(execution.frames, 'approval.requested'), [])
  t.match(
    engine.sent.map(each => each.text),
    [/^It says: refused \(SECRET_WITHHELD\)/]
  )
})

t.test('what was heard is not repeated where it holds a secret', async t => {
  const engine = await engineWith(t, done, { model: () => ({ text: 'Fine.' }), transcript: `my key is ${value}` })
  engine.known.add(value)
  await engine.tell('', 1)
  t.strictSame(
    engine.sent.map(each => each.text),
    [sentence('SECRET_WITHHELD')]
  )
  const broken = await engineWith(t, done, {
    transcript: `my key is ${value}`,
    model: () => {
      throw new Failure('PROVIDER_REFUSED')
    }
  })
  broken.known.add(value)
  await broken.tell('', 1)
  t.strictSame(
    broken.sent.map(each => each.text),
    [sentence('PROVIDER_REFUSED')]
  )
})

t.test(
  'a reply that was drafted before the secret was known is stopped at the door, and the person is told',
  async t => {
    const engine = await engineWith(t, done, {
      model: () => ({ text: `One|two ${value}|three` }),
      onSend: () => engine.known.add(value)
    })
    const execution = await engine.tell('tell me')
    t.strictSame(
      engine.sent.map(each => each.text),
      ['One', sentence('SECRET_WITHHELD')]
    )
    t.equal(execution.state, 'dead')
    t.strictSame(engine.codes(), ['SECRET_WITHHELD'])
  }
)
