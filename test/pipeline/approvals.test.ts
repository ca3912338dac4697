import t from 'tap'
import { z } from 'zod'
import { listedOrigin } from '../../src/channels/channel.ts'
import { openQuestion, type Request } from '../../src/frames/approval.ts'
import { type Execution, framesOf } from '../../src/frames/execution.ts'
import { Failure } from '../../src/frames/failure.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { decideAsOperator, expireQuestions, refuseQuestion } from '../../src/inbox/questions.ts'
import type { Lease } from '../../src/store/store.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { exportTools } from '../../src/tools/export.ts'
import { codeOf, kindsOf, openEngine, said, tenant } from './engine-on-store.ts'

const minute = 60_000
type Outside = NonNullable<Parameters<typeof openEngine>[1]>

/** An engine with one tool that burns what it is given, and a model that asks for it once a message. */
async function burning(
  test: Parameters<typeof openEngine>[0],
  outside: Outside = {},
  { repeatable = false, burns = () => {} }: { repeatable?: boolean; burns?: () => void } = {}
) {
  const burnt: string[] = []
  const burn = defineTool({
    name: 'burn',
    description: 'Burns something.',
    input: z.strictObject({ what: z.string() }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    repeatable,
    describe: ({ what }) => `Burn ${what}`,
    async run({ what }) {
      burnt.push(what)
      burns()
      return { outcome: 'done', result: 'ashes' }
    }
  })
  const results: string[] = []
  const [holding, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const engine = await openEngine(test, {
    tools: [burn],
    respond: async ({ items }) => {
      const last = items.at(-1)
      if (last !== undefined && 'text' in last && last.text === 'hold') {
        holding.resolve()
        await released.promise
        return { text: 'Released.' }
      }
      if (last?.role !== 'result')
        return { text: '', calls: [{ id: 'c', tool: 'burn', arguments: '{"what":"letters"}' }] }
      results.push(last.output)
      return { text: 'That is all.' }
    },
    ...outside
  })
  const asked = async (text = 'burn the letters') => {
    const id = await engine.accept(said(text))
    engine.worker.start()
    const parked = await engine.until(id, ({ state }) => state === 'parked')
    const request = openQuestion(parked.frames)
    if (request === undefined) throw new Error('it does not ask')
    return { id, request, code: codeOf(request.data.hash) }
  }
  const sendCode = async (text: string) => {
    const id = await engine.accept({ ...said(text), kind: 'code.received' } as Draft)
    return engine.ended(id)
  }
  /** Keeps the conversation busy with another message, until it is released. */
  const hold = async () => {
    await engine.accept(said('hold'))
    await holding.promise
    return released.resolve
  }
  const expire = () => expireQuestions(engine.parts, 10)
  return { engine, burnt, results, asked, sendCode, hold, expire }
}

t.test('a question is answered until its last second, and told as timed out after it', async t => {
  const { engine, burnt, results, asked, sendCode, expire } = await burning(t)
  const first = await asked()
  engine.advance(10 * minute - 1_000)
  t.equal(await expire(), 0)
  t.match((await sendCode(first.code)).frames.at(-1), { data: { verdict: 'approved' } })
  await engine.ended(first.id)
  t.strictSame(burnt, ['letters'])

  const second = await asked()
  engine.advance(10 * minute + 1_000)
  t.equal(await expire(), 0, 'what was sent in time may still be on its way')
  const late = await sendCode(second.code)
  t.match(framesOf(late.frames, 'evidence.judged')[0]?.data, { verdict: 'refused', reason: 'expired' })
  t.match(engine.sent.at(-1)?.text, /timed out/)
  engine.advance(29_000)
  t.equal(await expire(), 1)
  const ended = await engine.ended(second.id)
  t.match(framesOf(ended.frames, 'approval.decided')[0]?.data, { state: 'expired', by: 'timer' })
  t.match(results.at(-1), /^refused \(APPROVAL_EXPIRED\): .*timed out/)
  t.strictSame(burnt, ['letters'])
})

t.test('a code with anything beside it approves nothing', async t => {
  const { engine, burnt, asked, sendCode } = await burning(t)
  const { id, code } = await asked()
  const besides = [said(` ${code}.`), said(`it is ${code}`), said(code, 1)].map(({ data }) => data as { text: string })
  for (const data of besides) {
    const evidence = await engine.accept({ ...said(''), kind: 'code.received', data } as Draft)
    const { frames } = await engine.ended(evidence)
    t.match(framesOf(frames, 'evidence.judged')[0]?.data, { verdict: 'refused', reason: 'code-not-alone' })
  }
  t.equal((await engine.store.read(id))?.state, 'parked')
  t.strictSame(burnt, [])
  t.match((await sendCode(code)).frames.at(-1), { data: { verdict: 'approved' } })
})

t.test('a code that was found by listing approves nothing', async t => {
  const { engine, burnt, asked, sendCode } = await burning(t)
  const { id, code } = await asked()
  for (const integrity of ['user_typed', 'user_forwarded'] as const) {
    const draft = said(code)
    const provenance = { ...draft.provenance, origin: listedOrigin, integrity }
    const evidence = await engine.accept({ ...draft, kind: 'code.received', provenance } as Draft)
    const { frames } = await engine.ended(evidence)
    t.match(framesOf(frames, 'evidence.judged')[0]?.data, { verdict: 'refused', reason: 'found-later' })
  }
  t.equal((await engine.store.read(id))?.state, 'parked')
  t.strictSame(burnt, [])
  t.match((await sendCode(code)).frames.at(-1), { data: { verdict: 'approved' } })
})

t.test('a code that was accepted in time counts, however long it waited for its turn', async t => {
  const { engine, burnt, asked, hold } = await burning(t)
  const { id, code } = await asked()
  engine.advance(10 * minute - 1)
  const release = await hold()
  const evidence = await engine.accept({ ...said(code), kind: 'code.received' } as Draft)
  engine.advance(20_000)
  t.equal((await engine.store.read(id))?.state, 'parked')
  release()
  t.match((await engine.ended(evidence)).frames.at(-1), { data: { verdict: 'approved' } })
  await engine.ended(id)
  t.strictSame(burnt, ['letters'])
})

t.test('an approved call that was held up for too long is not made', async t => {
  // Nobody is to take the lane over while the time is moved on.
  const { engine, burnt, results, asked, hold } = await burning(t, { leaseMs: 60 * minute })
  const { id, request } = await asked()
  engine.advance(10 * minute)
  const release = await hold()
  t.strictSame(await decideAsOperator(engine.parts, request.id, 'approved'), { state: 'approved' })
  engine.advance(minute + 1)
  release()
  await engine.ended(id)
  t.match(results.at(-1), /^refused \(APPROVAL_EXPIRED\)/)
  t.strictSame(burnt, [])
})

t.test('what was interrupted, and may not be done again by now, is unknown and not undone', async t => {
  const outage: { advance?: (ms: number) => void } = {}
  const burns = () => {
    outage.advance?.(12 * minute)
    throw new Failure('STORE_UNAVAILABLE')
  }
  const { engine, burnt, asked, sendCode } = await burning(t, {}, { repeatable: true, burns })
  outage.advance = engine.advance
  const { id, code } = await asked()
  await sendCode(code)
  const ended = await engine.ended(id)
  t.equal(ended.state, 'unknown')
  t.strictSame(burnt, ['letters'])
  t.match(engine.sent.at(-1)?.text, /do not know whether it happened/)
})

t.test('what the model asks for after the answer is another call: the record alone is run', async t => {
  let turn = 0
  const { engine, burnt, asked, sendCode } = await burning(t, {
    respond: async () => {
      turn++
      const what = turn === 1 ? 'letters' : 'the house'
      return turn <= 2
        ? { text: '', calls: [{ id: 'c', tool: 'burn', arguments: JSON.stringify({ what }) }] }
        : { text: 'Done.' }
    }
  })
  const { id, request, code } = await asked()
  await sendCode(code)
  const again = await engine.until(
    id,
    ({ state, frames }) => state === 'parked' && openQuestion(frames)?.id !== request.id
  )
  t.strictSame(burnt, ['letters'])
  t.match(openQuestion(again.frames)?.data.binding.arguments, { what: 'the house' })
  t.match((await sendCode(code)).frames.find(({ kind }) => kind === 'evidence.judged')?.data, { reason: 'wrong-code' })
  t.strictSame(burnt, ['letters'])
})

t.test('a question that may have been sent is looked for, and not sent again', async t => {
  let sends = 0
  const { engine, burnt } = await burning(t, {
    send: async () => {
      sends++
      throw new Failure('SEND_UNAVAILABLE')
    },
    listSent: async () => ['SM-found']
  })
  const id = await engine.accept(said('burn the letters'))
  engine.worker.start()
  for (let i = 0; i < 40 && (await engine.store.read(id))?.state !== 'parked'; i++) {
    engine.advance(1_000)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const parked = await engine.until(id, ({ state }) => state === 'parked')
  t.match(framesOf(parked.frames, 'prompt.posted')[0]?.data, { message: 'SM-found', reconciled: true })
  t.equal(sends, 1)
  t.equal(await engine.store.find('SM-found'), id)
  t.strictSame(burnt, [])
})

t.test('a question with buttons that may have been sent is looked for by its text, and not sent again', async t => {
  const tried: boolean[] = []
  const looked: string[] = []
  const { engine } = await burning(t, {
    createButtons: async () => 'HX1',
    send: async ({ buttons }) => {
      tried.push(buttons !== undefined)
      throw new Failure('SEND_UNAVAILABLE')
    },
    listSent: async ({ text }) => {
      looked.push(text)
      return ['SM-found']
    }
  })
  const id = await engine.accept(said('burn the letters'))
  engine.worker.start()
  for (let i = 0; i < 40 && (await engine.store.read(id))?.state !== 'parked'; i++) {
    engine.advance(1_000)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const { frames } = await engine.until(id, ({ state }) => state === 'parked')
  t.strictSame(tried, [true], 'nobody knows whether it was taken: then it is not tried without buttons')
  t.match(looked, [/^🔐 .*\d{6}$/s])
  t.match(framesOf(frames, 'prompt.posted')[0]?.data, { message: 'SM-found', reconciled: true })
})

t.test('buttons that are refused are left out at once, and tried again after an hour', async t => {
  const sent: (string | undefined)[] = []
  let made = 0
  const { engine, asked, sendCode } = await burning(t, {
    createButtons: async () => `HX${++made}`,
    send: async ({ text, buttons }) => {
      if (!text.startsWith('🔐')) return `SM-reply-${sent.length}-${Math.random()}`
      sent.push(buttons?.template)
      if (buttons?.template === 'HX1') throw new Failure('SEND_REFUSED', { refused: true })
      return `SM-question-${sent.length}`
    }
  })
  const answer = async () => {
    const { id, code } = await asked()
    await sendCode(code)
    return engine.ended(id)
  }
  t.equal((await answer()).state, 'done')
  t.strictSame(sent, ['HX1', undefined])
  await answer()
  engine.advance(60 * minute)
  await answer()
  await answer()
  t.strictSame(sent.slice(2), [undefined, 'HX2', 'HX2'])
})

t.test('who goes on guessing codes is switched off, and the operator is told', async t => {
  const { engine, burnt, asked, sendCode } = await burning(t)
  const alerts = () => engine.seen.filter(({ event }) => event === 'alert').map(({ fields }) => fields.code)
  for (let i = 0; i < 2; i++) {
    const { id, code } = await asked()
    const wrong = ['000000', '111111', '222222', '333333'].filter(each => each !== code).slice(0, 3)
    for (const each of wrong) await sendCode(each)
    await engine.ended(id)
  }
  t.strictSame(alerts(), [], 'six are within the bound')
  const { id, code } = await asked()
  const evidence = await engine.accept({ ...said(code), kind: 'code.received' } as Draft)
  const { frames } = await engine.until(evidence, each => framesOf(each.frames, 'evidence.judged').length > 0)
  t.match(framesOf(frames, 'evidence.judged')[0]?.data, { verdict: 'refused', reason: 'too-many-tries' })
  t.strictSame(alerts(), ['failed-codes'])
  const { records } = await engine.store.auditPage({ tenants: ['server'], action: 'switch.set', limit: 5 })
  t.match(records, [{ actor: 'server', outcome: 'off', detail: { target: 'principal:lane-1' } }])
  t.equal((await engine.store.read(id))?.state, 'parked')
  t.strictSame(burnt, [])
  const later = await engine.accept(said('hello'))
  await new Promise(resolve => setTimeout(resolve, 300))
  t.equal(
    (await engine.store.read(later))?.state,
    'queued',
    'nothing of theirs is worked until the operator has looked'
  )
})

t.test('nobody else and nothing else answers a question: the rules may change under it', async t => {
  const { engine, burnt, asked, sendCode } = await burning(t)
  const { id, request, code } = await asked()
  t.equal(kindsOf((await engine.store.read(id)) as never).at(-1), 'prompt.posted')
  await t.rejects(decideAsOperator(engine.parts, 'another', 'approved'), { code: 'NOT_FOUND' })
  t.strictSame(await decideAsOperator(engine.parts, request.id, 'denied'), { state: 'denied' })
  await t.rejects(decideAsOperator(engine.parts, request.id, 'approved'), { code: 'DECIDED_ALREADY' })
  t.match((await sendCode(code)).frames.find(({ kind }) => kind === 'evidence.judged')?.data, { verdict: 'refused' })
  await engine.ended(id)
  t.strictSame(burnt, [])
})

t.test('a question whose place another one took is not decided any more, and nobody waits for it', async t => {
  const { engine, asked } = await burning(t)
  const { request } = await asked()
  await engine.worker.stop(0)
  const draft = { kind: request.kind, data: request.data, parent: null, provenance: request.provenance } as Draft
  const id = await engine.accept(said('twice'), 'lane-2', frames => {
    for (let i = 0; i < 2; i++) {
      frames.push(makeFrame(frames[0]?.execution ?? '', frames.at(-1) as Frame, draft, engine.parts) as Frame)
    }
    return frames
  })
  const claim = await engine.store.claim({ tenants: [tenant], owner: 'test', leaseMs: minute })
  const { frames } = (await engine.store.read(id)) as Execution
  const [first, second] = framesOf(frames, 'approval.requested')
  const approval = { id: second?.id ?? '', hash: '', state: 'pending', expiresAt: 0 }
  const parking = { frames: [], approval, timerAt: request.data.binding.exp, takeNext: false }
  t.ok((await engine.store.park(claim?.lease as Lease, id, parking)).ended)
  const execution = (await engine.store.read(id)) as Execution
  const answer = { state: 'denied', by: 'operator', how: 'api', evidence: null } as const
  const of = (request: Frame<'approval.requested'> | undefined) => ({ execution, request: request as Request })
  t.strictSame(await refuseQuestion(engine.parts, of(first), answer, request.provenance), { came: 'not-asked' })
  t.strictSame(await refuseQuestion(engine.parts, of(second), answer, request.provenance), { came: 'decided', answer })
})

t.test('what takes an operator too is not asked about where there is none', async t => {
  const engine = await openEngine(t, {
    tools: exportTools,
    hasOperator: false,
    respond: async ({ items }) => {
      const last = items.at(-1)
      if (last?.role === 'result') return { text: last.output }
      return { text: '', calls: [{ id: 'c', tool: 'export_data', arguments: '{}' }] }
    }
  })
  engine.worker.start()
  const done = await engine.ended(await engine.accept(said('export everything')))
  t.match(framesOf(done.frames, 'tool.finished')[0]?.data, { outcome: 'refused', code: 'NO_OPERATOR' })
  t.equal(kindsOf(done).includes('approval.requested'), false)
})
