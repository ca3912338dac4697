import t, { type Test } from 'tap'
import { z } from 'zod'
import { openQuestion } from '../../src/frames/approval.ts'
import { type Execution, framesOf } from '../../src/frames/execution.ts'
import { Failure } from '../../src/frames/failure.ts'
import type { Draft } from '../../src/frames/frame.ts'
import { decideAsOperator } from '../../src/inbox/questions.ts'
import { retryExecution } from '../../src/inbox/retry.ts'
import { createSpending, defaultBudgets, type Spendable } from '../../src/policy/budgets.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { kindsOf, type Outside, openEngine, otherTenant, said, tenant } from './engine-on-store.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const tokens = (input: number) => ({ tokens: { input, output: 0 } })

/** An engine whose model is counted, and what people have spent. */
async function open(t: Test, outside: Outside) {
  const turns: string[] = []
  const engine = await openEngine(t, {
    ...outside,
    async respond(request, signal) {
      const words = request.items.findLast(item => item.role === 'user')
      turns.push(words !== undefined && 'text' in words ? words.text : '')
      return (await outside.respond?.(request, signal)) ?? {}
    }
  })
  engine.worker.start()
  const say = async (text: string, lane = 'lane-1', notes = 0) =>
    engine.ended(await engine.accept(said(text, notes), lane))
  const spent = async (budget: Spendable, lane = 'lane-1') => {
    const windowMs = budget.endsWith('PerDay') ? day : hour
    return (await engine.store.spend(`${tenant}:${lane}:${budget}`, windowMs, 'a look', 0)).total
  }
  return { ...engine, turns, say, spent }
}

t.test('over the budget of tokens nobody asks a model, and the person is told once a minute', async t => {
  const { turns, say, spent, sent, store, advance, seen } = await open(t, {
    budgets: { tokensPerDay: 10_000 },
    respond: async () => tokens(4_000)
  })
  await say('one')
  await say('two')
  t.equal(await spent('tokensPerDay'), 8_000, 'what was reserved is settled')
  const third = await say('three')
  t.strictSame(kindsOf(third).slice(0, 3), ['text.received', 'budget.exceeded', 'reply.drafted'])
  t.equal(third.state, 'refused')
  t.match(sent.at(-1)?.text, /^You have used up what I may do for you in a day/)
  t.strictSame(kindsOf(await say('four')), ['text.received', 'budget.exceeded'], 'not told again')
  t.equal(sent.length, 3)
  t.equal(turns.length, 2, 'no model call over the budget')
  t.equal(await spent('tokensPerDay'), 8_000, 'and nothing is taken')
  t.equal((await say('somebody else', 'lane-2')).state, 'done')
  advance(2 * minute)
  await say('five')
  t.equal(sent.length, 5)
  const { records } = await store.auditPage({ tenants: [tenant], action: 'budget.refuse', limit: 10 })
  t.match(records[0], { outcome: 'refused', actor: 'lane-1', detail: { budget: 'tokensPerDay', told: true } })
  t.equal(records.length, 3)
  t.equal(seen.filter(({ event }) => event === 'budget.exceeded').length, 3)
  advance(day)
  t.equal((await say('tomorrow')).state, 'done')
})

t.test('a turn that is tried again, also by the operator, is one use', async t => {
  let answers: ('unavailable' | 'refused' | 'done')[] = ['unavailable', 'unavailable', 'refused']
  const { accept, ended, spent, parts, advance, until, turns } = await open(t, {
    respond: async () => {
      const next = answers.shift() ?? 'done'
      if (next === 'unavailable') throw new Failure('PROVIDER_UNAVAILABLE')
      if (next === 'refused') throw new Failure('PROVIDER_REFUSED')
      return tokens(500)
    }
  })
  const id = await accept(said('one'))
  for (const tries of [1, 2]) {
    await until(id, ({ frames }) => framesOf(frames, 'attempt.failed').length === tries)
    advance(5_000)
  }
  t.equal((await ended(id)).state, 'dead')
  const reserved = await spent('tokensPerDay')
  t.ok(reserved > 2_000 && reserved < 4_000, 'one reservation of three tries')
  answers = []
  await retryExecution(parts, id)
  t.equal((await until(id, ({ state }) => state === 'done')).state, 'done')
  t.equal(turns.length, 4)
  t.equal(await spent('tokensPerDay'), 500)
})

t.test('a server that counts no tokens is believed to have used what was reserved', async t => {
  const { say, spent } = await open(t, { respond: async () => tokens(0) })
  await say('one')
  t.ok((await spent('tokensPerDay')) > 2_000)
})

t.test('voice notes are heard up to the seconds of a day', async t => {
  let heard = 0
  const { say, turns, sent } = await open(t, {
    budgets: { audioSecondsPerDay: 2 },
    transcribe: async () => ({ text: `note ${++heard}`, language: null, provider: 'p', model: 'm' })
  })
  t.equal((await say('', 'lane-1', 2)).state, 'done')
  const over = await say('', 'lane-1', 1)
  t.equal(over.state, 'refused')
  t.match(sent.at(-1)?.text, /^You have used up the voice notes/)
  t.equal(heard, 2)
  t.equal(turns.length, 1)
  t.equal((await say('typed')).state, 'done', 'words are another budget')
})

const noted: string[] = []
const note = defineTool({
  name: 'note',
  description: 'Notes something.',
  input: z.strictObject({ what: z.string() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  repeatable: true,
  describe: () => 'Note',
  async run({ what }) {
    noted.push(what)
    if (what === 'flaky' && noted.filter(each => each === what).length === 1) throw new Failure('STORE_UNAVAILABLE')
    return { outcome: 'done', result: 'noted' }
  }
})

t.test('calls over the budget of an hour are refused to the model, and one met again after a crash is one', async t => {
  const results: string[] = []
  const { say, spent, advance } = await open(t, {
    budgets: { callsPerHour: 2 },
    tools: [note],
    respond: async ({ items }) => {
      const last = items.at(-1)
      if (last?.role === 'result') {
        results.push(...items.flatMap(item => (item.role === 'result' ? [item.output] : [])))
        return {}
      }
      return {
        calls: ['flaky', 'b', 'c'].map(what => ({ id: what, tool: 'note', arguments: JSON.stringify({ what }) }))
      }
    }
  })
  const { frames } = await say('note three')
  t.strictSame(noted, ['flaky', 'flaky', 'b'])
  t.match(results, ['noted', 'noted', /^refused \(BUDGET_CALLS\): /])
  t.strictSame(
    framesOf(frames, 'tool.finished').map(({ data }) => data.outcome),
    ['done', 'done', 'refused']
  )
  t.equal(await spent('callsPerHour'), 2)
  advance(hour + 1)
  t.equal((await say('again')).frames.filter(({ kind }) => kind === 'tool.finished').length, 3)
})

/** A tool that goes out, and a model that asks for it once a message. */
const tell = (wrote: string[], destructiveHint: boolean) =>
  defineTool({
    name: 'tell',
    description: 'Tells somebody.',
    input: z.strictObject({ what: z.string() }),
    annotations: { readOnlyHint: false, destructiveHint, idempotentHint: false, openWorldHint: true },
    repeatable: false,
    describe: ({ what }) => `Tell ${what}`,
    async run({ what }) {
      wrote.push(what)
      return { outcome: 'done', result: 'told' }
    }
  })

async function telling(t: Test, budgets: Outside['budgets'], destructiveHint = false) {
  const wrote: string[] = []
  const engine = await open(t, {
    ...(budgets === undefined ? {} : { budgets }),
    tools: [tell(wrote, destructiveHint)],
    respond: async ({ items }) => {
      const last = items.at(-1)
      if (last?.role === 'result') return { text: last.output }
      return { calls: [{ id: 'c', tool: 'tell', arguments: '{"what":"something"}' }] }
    }
  })
  const approve = async ({ id, frames }: Execution) => {
    await decideAsOperator(engine.parts, openQuestion(frames)?.id ?? '', 'approved')
    return engine.until(id, ({ state }) => state === 'done')
  }
  return { ...engine, wrote, approve }
}

const outcomes = ({ frames }: Execution) => framesOf(frames, 'tool.finished').map(({ data }) => data.code)

t.test('messages to others are sent up to the budget of a day, approved or not', async t => {
  const { say, approve, wrote, spent, advance } = await telling(t, { sendsPerDay: 1 })
  t.strictSame(outcomes(await approve(await say('tell them'))), [null])
  t.strictSame(outcomes(await approve(await say('tell them again'))), ['BUDGET_SENDS'])
  t.equal(wrote.length, 1)
  t.equal(await spent('callsPerHour'), 1)
  advance(day + 1)
  await approve(await say('tell them tomorrow'))
  t.equal(wrote.length, 2)
})

t.test('what destroys and goes out counts among them', async t => {
  const { say, approve, wrote } = await telling(t, { sendsPerDay: 1 }, true)
  const first = await say('tell them')
  t.equal(openQuestion(first.frames)?.data.binding.class, 'D')
  t.strictSame(outcomes(await approve(first)), [null])
  t.strictSame(outcomes(await approve(await say('tell them again'))), ['BUDGET_SENDS'])
  t.equal(wrote.length, 1)
})

t.test('a person is asked so often in an hour, and what is over that is refused unseen', async t => {
  const { say, sent, approve, advance, spent } = await telling(t, { promptsPerHour: 2 })
  for (const text of ['one', 'two']) await approve(await say(text))
  const before = sent.length
  const third = await say('three')
  t.equal(third.state, 'done')
  t.strictSame(outcomes(third), ['TOO_MANY_PROMPTS'])
  t.strictSame(
    sent.slice(before).map(({ text }) => text.startsWith('🔐')),
    [false]
  )
  t.equal(await spent('promptsPerHour'), 2)
  advance(hour + 1)
  t.equal((await say('four')).state, 'parked')
})

t.test('how many questions are open, and how many wrong codes count, are budgets too', async t => {
  const { say, accept, until } = await telling(t, { openQuestions: 1, failedCodesPerDay: 1 })
  const first = await say('one')
  t.equal(first.state, 'parked')
  t.strictSame(outcomes(await say('two')), ['TOO_MANY_QUESTIONS'])
  const verdicts: unknown[] = []
  for (const text of ['000000', '111111']) {
    const id = await accept({ ...said(text), kind: 'code.received' } as Draft)
    // Who guesses too often is switched off: the answer waits for the operator.
    const { frames } = await until(id, each => framesOf(each.frames, 'evidence.judged').length > 0)
    verdicts.push(framesOf(frames, 'evidence.judged')[0]?.data.reason)
  }
  t.strictSame(verdicts, ['wrong-code', 'too-many-tries'])
})

t.test('what people spend is theirs alone', async t => {
  const { store } = await open(t, {})
  const events: unknown[] = []
  const budgetsOf = (of: string) => ({ messagesPerMinute: 1, ...defaultBudgets, sendsPerDay: of === tenant ? 1 : 2 })
  const spending = createSpending({ store, budgetsOf, observe: (...event) => events.push(event) })
  const use = (of: string, principal: string, what: string) => ({ execution: { id: 'e', tenant: of, principal }, what })
  t.equal(await spending.reserve('sendsPerDay', use(tenant, 'ana', 'a'), 1), true)
  t.equal(await spending.reserve('sendsPerDay', use(tenant, 'ana', 'a'), 1), true, 'the same')
  t.equal(await spending.reserve('sendsPerDay', use(tenant, 'ana', 'b'), 1), false)
  t.equal(await spending.reserve('sendsPerDay', use(tenant, 'ben', 'b'), 1), true)
  t.equal(await spending.reserve('sendsPerDay', use(otherTenant, 'ana', 'b'), 1), true)
  t.equal(await spending.reserve('sendsPerDay', use(otherTenant, 'ana', 'c'), 1), true, 'each tenant has its own bound')
  t.equal(await spending.reserve('callsPerHour', use(tenant, 'ana', 'b'), 300), true)
  t.strictSame(events, [['budget.exceeded', { execution: 'e', budget: 'sendsPerDay' }]])
})

t.test('who sends ten times their budget keeps nobody of another tenant waiting', async t => {
  const counted = async (t: Test, flood: number) => {
    const order: string[] = []
    const test = await openEngine(t, {
      concurrency: 4,
      budgets: { tokensPerDay: 10_000 },
      async respond({ items }) {
        const words = items.findLast(item => item.role === 'user')
        order.push(words !== undefined && 'text' in words ? words.text : '')
        return { text: 'Done.', ...tokens(1_500) }
      }
    })
    const ids: string[] = []
    const floods: string[] = []
    for (let i = 0; i < 60; i++) {
      if (i < flood)
        floods.push(
          await test.accept(said('flood'), 'flooder', undefined, { tenant: otherTenant, principal: 'flooder' })
        )
      ids.push(await test.accept(said('calm'), `calm-${i % 12}`))
    }
    test.worker.start()
    for (const id of ids) t.equal((await test.ended(id)).state, 'done')
    for (const id of floods) await test.ended(id)
    await test.worker.stop(5_000)
    const positions = order.flatMap((text, i) => (text === 'calm' ? [i + 1] : []))
    return {
      floods: order.filter(text => text === 'flood').length,
      p95: positions[Math.ceil(positions.length * 0.95) - 1] ?? 0
    }
  }
  let quiet = { floods: 0, p95: 0 }
  let flooded = quiet
  await t.test('without them', async t => {
    quiet = await counted(t, 0)
  })
  await t.test('with them', async t => {
    flooded = await counted(t, 60)
  })
  t.equal(quiet.p95, 57)
  t.ok(flooded.floods > 0 && flooded.floods <= 6, `${flooded.floods} model calls of sixty messages`)
  t.ok(flooded.p95 <= quiet.p95 * 1.2, `${flooded.p95} model calls until nineteen of twenty are answered`)
})
