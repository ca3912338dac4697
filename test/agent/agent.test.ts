import t from 'tap'
import { createAgent, type Thought } from '../../src/agent/agent.ts'
import { instructions, instructionsFrom } from '../../src/agent/instructions.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { Frame } from '../../src/frames/frame.ts'
import { makeFrame } from '../../src/frames/frame.ts'
import { type Integrity, integrities } from '../../src/frames/provenance.ts'
import { noTail } from '../../src/frames/tail.ts'
import type { Request, Turn } from '../../src/providers/provider.ts'
import { executionOf, finished, requested, retried, type Step, text } from './frames.ts'

const signal = new AbortController().signal
const offers = [{ name: 'list_tasks', description: 'Lists.', parameters: {} }]

/** An agent over a model that answers as told, and what the model was asked. */
function agentOf(
  reply: Partial<Turn> | ((request: Request) => Partial<Turn>),
  now = Date.parse('2026-11-23T08:16:00Z'),
  isVouchedFor = true
) {
  const asked: Request[] = []
  const agent = createAgent({
    canaryOf: (tenant, execution) => `canary of ${tenant} ${execution}`,
    linkHosts: new Set(['example.org']),
    provider: {
      async respond(request) {
        asked.push(request)
        const said = typeof reply === 'function' ? reply(request) : reply
        return { text: '', calls: [], provider: 'p', model: 'm', tokens: { input: 1, output: 2 }, ...said }
      }
    },
    registry: { offers: () => offers, isVouchedFor: () => isVouchedFor },
    instructions,
    timeZone: 'Europe/Madrid',
    maxToolCalls: 3,
    memoryTokens: 1_000,
    clock: { now: () => now }
  })
  const think = (frames: readonly Frame[]) => agent.think({ frames, memory: [], signal })
  const failure = (frames: readonly Frame[]) =>
    think(frames).then(
      () => 'none',
      error => error.code
    )
  return { agent, asked, think, failure }
}

const call = (id: string, tool = 'list_tasks', raw = '{}') => ({ id, tool, arguments: raw })

/** Whether the thought can be written down: a frame is made of it. */
function fits({ provenance, ...thought }: Thought): boolean {
  const parts = { clock: { now: () => 0, monotonic: () => 0 }, entropy: systemEntropy }
  if (thought.kind === 'calls') {
    return (
      makeFrame('x', noTail, { kind: 'tool.requested', data: thought.data, parent: null, provenance }, parts).n === 1
    )
  }
  const data = { parts: ['x'], sentence: null, turn: thought.turn }
  return makeFrame('x', noTail, { kind: 'reply.drafted', data, parent: null, provenance }, parts).n === 1
}

t.test('the model is shown the instructions at the time of the message, the conversation and the tools', async t => {
  const { agent, asked } = agentOf({ text: ' Hello. ' })
  const earlier = executionOf([text('Before')], 'e1')
  const memory = agent.recall([{ frames: earlier }])
  const thought = await agent.think({ frames: executionOf([text('Hi')]), memory, signal })
  t.match(thought, {
    kind: 'answer',
    text: 'Hello.',
    turn: { memory: [{ execution: 'e1', n: 1 }], instructions: instructions.version, tokens: { input: 1, output: 2 } }
  })
  t.ok(fits(thought))
  t.match(asked[0]?.instructions, /It is Monday, 23 November 2026, 09:15 in Europe\/Madrid\./)
  t.strictSame(
    asked[0]?.items.map(item => 'text' in item && item.text),
    ['Before', 'Hi']
  )
  t.strictSame(asked[0]?.tools, offers)
})

t.test('calls are recorded as they came, under ids that are theirs alone', async t => {
  const frames = executionOf([text('Hi'), requested([['call_1', 'list_tasks', '{}']]), finished('call_1', '[]')])
  const { think } = agentOf({
    text: 'Hm.',
    calls: [call('ok_2'), call('call_1'), call(''), call('ok_2'), call('x y'), call('call-5')]
  })
  const thought = await think(frames)
  if (thought.kind !== 'calls') return t.fail('it answered')
  const ids = thought.data.calls.map(each => each.id)
  t.equal(ids[0], 'ok_2')
  t.equal(new Set([...ids, 'call_1']).size, 7)
  t.ok(ids.every(id => /^[\w-]{1,50}$/.test(id)))
  t.equal(thought.data.text, 'Hm.')
})

t.test('garbage of any size fits the frame or ends as a failure', async t => {
  const frames = executionOf([text('Hi')])
  const garbage: Partial<Turn>[] = [
    { calls: Array.from({ length: 500 }, (_, i) => call(`c${i}`, 'x'.repeat(300))) },
    { calls: [call('a', '', '{'.repeat(100_000))], text: '\ud800'.repeat(1_000) },
    { calls: [call('\u0000', '\u0000', '\u0000')] },
    { text: 'x'.repeat(1_000_000) }
  ]
  for (const turn of garbage) {
    const thought = await agentOf(turn).think(frames)
    t.ok(fits(thought))
  }
  t.equal(await agentOf({ text: '' }).failure(frames), 'PROVIDER_GARBLED')
  t.equal(await agentOf({ text: ' \u200b\n\u0000 ' }).failure(frames), 'PROVIDER_GARBLED')
  const flood = { calls: Array.from({ length: 20 }, (_, i) => call(`c${i}`, 'x', `"${'x'.repeat(60_000)}"`)) }
  t.equal(await agentOf(flood).failure(frames), 'AGENT_TOO_BIG')
})

t.test('an endless loop of calls ends: tools are withheld, and a model that calls anyway is stopped', async t => {
  const { think, asked } = agentOf({ calls: [call('c')] })
  const steps: Step[] = [text('Hi')]
  let stopped: unknown
  for (let i = 0; i < 10 && stopped === undefined; i++) {
    const thought = await think(executionOf(steps)).catch(error => {
      stopped = error.code
    })
    if (thought?.kind !== 'calls') continue
    for (const { id, tool } of thought.data.calls) steps.push(requested([[id, tool, '{}']]), finished(id, '[]'))
  }
  t.equal(stopped, 'AGENT_TOO_MANY_CALLS')
  t.strictSame(
    asked.map(request => request.tools.length),
    [1, 1, 1, 0]
  )
  const { think: answer } = agentOf(request =>
    request.tools.length === 0 ? { text: 'Enough.' } : { calls: [call('d')] }
  )
  t.match(await answer(executionOf(steps)), { kind: 'answer', text: 'Enough.' })
  t.match(await answer(executionOf([...steps, retried(1)])), { kind: 'calls' }, 'a retry counts anew')
})

t.test(
  'five minutes of work are the end; waiting for the next try and for its turn in the queue are no work',
  async t => {
    const slow = (after: number): Step[] => [
      text('Hi'),
      requested([['a', 'x', '{}']]),
      { ...finished('a', 'ok'), after }
    ]
    const note = (after: number): Step => ({
      kind: 'attempt.failed',
      data: { code: 'PROVIDER_UNAVAILABLE', step: 'think', from: 3, retryAt: '2026-11-23T09:00:00Z', refused: false },
      after
    })
    const failureAfter = (frames: Frame[], seconds: number) =>
      agentOf({ text: 'Hi.' }, Date.parse(frames.at(-1)?.at ?? '') + seconds * 1_000).failure(frames)
    const busy = executionOf([...slow(110), { ...requested([['b', 'x', '{}']]), after: 100 }])
    t.equal(await failureAfter(busy, 89), 'none')
    t.equal(await failureAfter(busy, 91), 'AGENT_TOO_LONG')
    t.equal(await failureAfter(executionOf(slow(3_600)), 100), 'none', 'an hour in which the process was away')
    t.equal(await failureAfter(executionOf([...slow(10), note(400)]), 400), 'none')
    t.equal(
      await failureAfter(
        executionOf([
          ...slow(10),
          note(400),
          { ...requested([['b', 'x', '{}']]), after: 400 },
          { ...finished('b', 'ok'), after: 115 },
          { ...requested([['c', 'x', '{}']]), after: 100 },
          { ...finished('c', 'ok'), after: 80 }
        ]),
        0
      ),
      'AGENT_TOO_LONG'
    )
    t.equal(await failureAfter(executionOf([text('Hi')]), 3_600), 'none', 'an hour in the queue')
    t.equal(await failureAfter(executionOf([...slow(400), retried(3)]), 3_600), 'none', 'a retry counts anew')
  }
)

t.test('an execution that grew too big is not shown to the model', async t => {
  const { failure, asked } = agentOf({ text: 'Hi.' })
  const results = Array.from({ length: 5 }, (_, i) => [
    requested([[`${i}`, 'x', '{}']]),
    finished(`${i}`, 'x'.repeat(60_000))
  ])
  t.equal(await failure(executionOf([text('Hi'), ...results.flat()])), 'AGENT_TOO_BIG')
  t.equal(asked.length, 0)
})

t.test('the label of a turn is the lowest behind it, memory included', async t => {
  const { agent } = agentOf({ text: 'Hi.' })
  const labelOf = async (own: Integrity, remembered: Integrity) => {
    const memory = agent.recall([{ frames: executionOf([{ ...text('Before'), integrity: remembered }]) }])
    const frames = executionOf([{ ...text('Hi'), integrity: own }])
    return (await agent.think({ frames, memory, signal })).provenance.integrity
  }
  for (const own of integrities) {
    for (const remembered of integrities) {
      const lowest = Math.max(integrities.indexOf(own), integrities.indexOf(remembered))
      const label = await labelOf(own, remembered)
      if (label !== integrities[lowest]) t.fail(`${own} and ${remembered} gave ${label}`)
    }
  }
  t.equal(await labelOf('user_typed', 'web'), 'web')
})

t.test(
  'an answer that was made of the words of others, or beside those of a tool that nobody vouched for, links to allowed hosts and to what the person typed',
  async t => {
    let isVouchedFor = true
    const linking = 'See https://evil.com/?d=1, docs.example.org/a and https://typed.net/x.'
    const answerTo = async (integrity: Integrity) => {
      const [first] = executionOf([text('What is https://typed.net/x ?')])
      const labelled = { ...(first as Frame), provenance: { ...(first as Frame).provenance, integrity } } as Frame
      const thought = await agentOf({ text: linking }, undefined, isVouchedFor).think([labelled])
      return thought.kind === 'answer' ? thought.text : ''
    }
    t.equal(await answerTo('user_typed'), linking)
    t.equal(await answerTo('tool_third_party'), 'See (link removed), docs.example.org/a and https://typed.net/x.')
    isVouchedFor = false
    t.equal(await answerTo('user_typed'), 'See (link removed), docs.example.org/a and https://typed.net/x.')
  }
)

t.test('what the provider throws goes on, and its signal is ours', async t => {
  const ended = new AbortController()
  const agent = createAgent({
    canaryOf: (tenant, execution) => `canary of ${tenant} ${execution}`,
    linkHosts: new Set(['example.org']),
    provider: {
      respond: async (_request, signal) => {
        throw signal
      }
    },
    registry: { offers: () => offers, isVouchedFor: () => true },
    instructions,
    timeZone: 'UTC',
    maxToolCalls: 1,
    memoryTokens: 1,
    clock: { now: () => 0 }
  })
  const thrown = await agent
    .think({ frames: executionOf([text('Hi')]), memory: [], signal: ended.signal })
    .catch(e => e)
  t.equal(thrown, ended.signal)
})

t.test('instructions name their version by their words and are the same for the same message', async t => {
  t.match(instructions.version, /^[0-9a-f]{16}$/)
  const other = instructionsFrom('It is {now}. {canary}')
  t.not(other.version, instructions.version)
  t.equal(
    other.at('2026-07-01T22:30:00.000Z', 'Asia/Tokyo', 'a'),
    'It is Thursday, 2 July 2026, 07:30 in Asia/Tokyo. a'
  )
  t.equal(other.at('2026-07-01T00:05:00.000Z', 'UTC', 'b'), 'It is Wednesday, 1 July 2026, 00:05 in UTC. b')
  t.match(
    other.at('2026-07-01T00:05:00.000Z', 'UTC', 'c'),
    / c$/,
    'a message of the same minute has a canary of its own'
  )
})
