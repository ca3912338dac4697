import t from 'tap'
import { z } from 'zod'
import { framesOf, lastOf } from '../../src/frames/execution.ts'
import { Failure } from '../../src/frames/failure.ts'
import { checkChain, type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { addNote } from '../../src/inbox/note.ts'
import { retryExecution } from '../../src/inbox/retry.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { kindsOf, openEngine, said, tenant } from './engine-on-store.ts'

const minute = 60_000

t.test('several voice notes of one message are each fetched and heard once, in order', async t => {
  const heard: string[] = []
  const engine = await openEngine(t, {
    transcribe: async ({ bytes }) => {
      heard.push(Buffer.from(bytes).toString())
      return { text: `words of ${Buffer.from(bytes)}`, language: null, provider: 'p', model: 'm' }
    }
  })
  const id = await engine.accept(said('', 3))
  engine.worker.start()
  const execution = await engine.ended(id)
  t.strictSame(heard, ['audio 0', 'audio 1', 'audio 2'])
  t.strictSame(kindsOf(execution).slice(0, 7), [
    'voice.received',
    ...Array.from({ length: 3 }, () => 'audio.downloaded'),
    ...Array.from({ length: 3 }, () => 'speech.transcribed')
  ])
  t.match(engine.sent[0]?.text, /^I heard: "words of audio 0 words of audio 1 words of audio 2"/)
})

t.test(
  'three calls of one turn are worked in order, each with its own intent and result, and then the agent thinks again',
  async t => {
    let turns = 0
    const engine = await openEngine(t, {
      respond: async () => {
        turns++
        if (turns > 1) return { text: 'All three are on the list.' }
        const calls = ['a', 'b', 'c'].map(id => ({ id, tool: 'create_task', arguments: JSON.stringify({ title: id }) }))
        return { text: '', calls }
      }
    })
    const id = await engine.accept(said('add a, b and c'))
    engine.worker.start()
    const execution = await engine.ended(id)
    t.equal(execution.state, 'done')
    t.strictSame(kindsOf(execution).slice(1, 8), [
      ...[
        'tool.requested',
        'tool.started',
        'tool.finished',
        'tool.started',
        'tool.finished',
        'tool.started',
        'tool.finished'
      ]
    ])
    t.strictSame(
      framesOf(execution.frames, 'tool.finished').map(frame => frame.data.call),
      ['a', 'b', 'c']
    )
    t.equal(turns, 2)
  }
)

t.test('a hundred status callbacks during a three-part reply fence nobody off', async t => {
  const engine = await openEngine(t, {
    respond: async () => ({ text: 'one|two|three' }),
    send: async outgoing => {
      const execution = await engine.store.read(id)
      if (execution === null) throw new TypeError('it is there')
      for (let i = 0; i < 34; i++) {
        const data = { message: `SM${i}`, send: outgoing.send, status: 'delivered', rank: 5 }
        const provenance = {
          origin: 'status-callback',
          integrity: 'system',
          confidentiality: 'user',
          ref: null
        } as const
        await addNote(engine.parts, execution, () => ({ kind: 'reply.delivered', data, parent: null, provenance }))
      }
      return `SM-${outgoing.text}`
    }
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  const execution = await engine.ended(id)
  t.equal(execution.state, 'done')
  t.equal(framesOf(execution.frames, 'reply.delivered').length, 102)
  t.strictSame(
    engine.sent.map(({ text }) => text),
    ['one', 'two', 'three']
  )
  t.equal(checkChain(execution.frames), null)
  t.notOk(engine.seen.some(({ event }) => event === 'lease.lost'))
})

t.test('a kind or a version from another build is left alone for half a minute, and never dead', async t => {
  const engine = await openEngine(t)
  const id = await engine.accept(said('hello'), 'lane-1', ([first]) => {
    const draft = { ...said('x'), parent: first?.id ?? null } as Draft
    const next = makeFrame(first?.execution ?? '', first as Frame, draft, engine.parts) as Frame
    return [first as Frame, { ...next, kind: 'dream.interpreted' as never, v: 7 }]
  })
  engine.worker.start()
  await engine.until(id, () => engine.seen.some(({ event }) => event === 'kind.unknown'))
  const left = await engine.until(id, ({ state }) => state === 'queued')
  t.equal(left.n, 2)
  t.equal(left.claims, 0)
  t.equal(await engine.store.claim({ tenants: [tenant], owner: 'another', leaseMs: 1_000 }), null, 'not due yet')
  engine.advance(30_001)
  await engine.until(id, () => engine.seen.filter(({ event }) => event === 'kind.unknown').length >= 2)
  t.equal(engine.sent.length, 0)
})

t.test('an outage is waited out, told once after a minute, and the answer still comes', async t => {
  let down = true
  const engine = await openEngine(t, {
    respond: async () => {
      if (down) throw new Failure('PROVIDER_UNAVAILABLE')
      return { text: 'At last.' }
    }
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  const failed = (count: number) =>
    engine.until(id, ({ frames, state }) => state === 'queued' && framesOf(frames, 'attempt.failed').length >= count)
  await failed(1)
  t.equal(engine.sent.length, 0)
  for (let i = 2; i <= 4; i++) {
    engine.advance(minute)
    await failed(i)
  }
  await engine.until(id, () => engine.sent.length > 0)
  t.equal(engine.sent.length, 1)
  t.match(engine.sent[0]?.text, /keep trying/)
  down = false
  engine.advance(2 * minute)
  const execution = await engine.ended(id)
  t.equal(execution.state, 'done')
  t.strictSame(engine.sent.map(({ text }) => text).slice(1), ['At last.'])
  t.equal(framesOf(execution.frames, 'work.failed').length, 0)
})

t.test(
  'an outage of a quarter of an hour ends in a plain sentence, and the operator can send the message back to work',
  async t => {
    let down = true
    const engine = await openEngine(t, {
      respond: async () => {
        if (down) throw new Failure('PROVIDER_UNAVAILABLE')
        return { text: 'Here it is.' }
      }
    })
    const id = await engine.accept(said('hello'))
    engine.worker.start()
    let tries = 1
    while (
      (
        await engine.until(
          id,
          ({ frames, state }) =>
            (state !== 'running' && framesOf(frames, 'attempt.failed').length >= tries) || state === 'dead'
        )
      ).state !== 'dead'
    ) {
      tries++
      engine.advance(90_000)
    }
    t.match(engine.sent.at(-1)?.text, /because a service that I need is not answering/)
    down = false
    t.equal(await retryExecution(engine.parts, id).catch(error => error), 'queued')
    const execution = await engine.ended(id)
    t.equal(execution.state, 'done')
    t.equal(engine.sent.at(-1)?.text, 'Here it is.')
    t.equal((await retryExecution(engine.parts, id).catch(error => error)).code, 'NOT_RETRYABLE')
  }
)

t.test('a retry is not refused because a status callback came between', async t => {
  const engine = await openEngine(t, {
    respond: async () => {
      throw new Failure('PROVIDER_CONTENT_REFUSED')
    }
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  const dead = await engine.ended(id)
  let between = 0
  const store = {
    ...engine.store,
    async reopen(execution: string, frame: Frame) {
      const data = { message: 'SM1', send: null, status: 'read', rank: ++between }
      const provenance = { origin: 'status-callback', integrity: 'system', confidentiality: 'user', ref: null } as const
      if (between === 1) {
        await addNote(engine.parts, dead, () => ({ kind: 'reply.read', data, parent: null, provenance }))
      }
      return engine.store.reopen(execution, frame)
    }
  }
  t.equal(await retryExecution({ ...engine.parts, store }, id).catch(error => error.code), 'queued')
  t.equal(between, 2)
})

t.test('work that is hours old is not done: the person is asked to send it again', async t => {
  let turns = 0
  const engine = await openEngine(t, {
    respond: async () => {
      turns++
      return {}
    }
  })
  const id = await engine.accept(said('hello'))
  engine.advance(6 * 60 * minute + 1)
  engine.worker.start()
  t.equal((await engine.ended(id)).state, 'dead')
  t.equal(turns, 0)
  t.match(engine.sent[0]?.text, /send it again/)
})

t.test(
  'a message that killed the process five times is given up, the person is told, and the next one runs',
  async t => {
    const engine = await openEngine(t)
    const id = await engine.accept(said('poison'))
    const next = await engine.accept(said('hello'))
    for (let i = 0; i < 5; i++) {
      t.ok(await engine.store.claim({ tenants: [tenant], owner: `victim ${i}`, leaseMs: 1_000 }))
      engine.advance(1_001)
    }
    engine.worker.start()
    t.equal((await engine.ended(id)).state, 'dead')
    t.equal((await engine.ended(next)).state, 'done')
    t.match(
      engine.sent.map(({ text }) => text),
      [/something in it breaks me/, 'Done.']
    )
  }
)

t.test('a message whose lane is lost again and again by workers who live kills nobody, and is answered', async t => {
  let losses = 0
  const engine = await openEngine(t, {
    leaseMs: 300,
    respond: () => new Promise(resolve => setTimeout(resolve, losses < 7 ? 150 : 0, {})),
    wrap: store => ({
      ...store,
      // Each lease ends in the middle of the first thought, as on a database that is slower than it.
      async heartbeat(lease, leaseMs) {
        if (losses >= 7) return store.heartbeat(lease, leaseMs)
        losses++
        engine.advance(leaseMs + 1)
        return false
      }
    })
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  t.equal((await engine.ended(id)).state, 'done')
  t.equal(losses, 7)
  t.equal(engine.seen.filter(({ event }) => event === 'lease.lost').length, 7)
  t.strictSame(
    engine.sent.map(({ text }) => text),
    ['Done.']
  )
})

t.test(
  'a message that makes workers stand still for longer than their leases is given up like one that kills them',
  async t => {
    let thoughts = 0
    const leaseMs = 300
    const engine = await openEngine(t, {
      leaseMs,
      respond: () => {
        thoughts++
        engine.advance(leaseMs + 1)
        return new Promise(resolve => setTimeout(resolve, 150, {}))
      },
      wrap: store => ({ ...store, heartbeat: async () => false })
    })
    const id = await engine.accept(said('hello'))
    engine.worker.start()
    const { state, frames } = await engine.ended(id)
    t.equal(state, 'dead')
    // One that is suspect waits until it is alone, and may lose its lease meanwhile: that is not held against it.
    t.ok(thoughts === 5 || thoughts === 6, `${thoughts} thoughts`)
    t.match(lastOf(frames, 'work.failed')?.data, { code: 'WORK_KILLS_THE_PROCESS' })
    t.equal(engine.sent.length, 1, 'the person is told')
  }
)

t.test('a send whose look at the store outlasts the lease does not go out', async t => {
  const looked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const engine = await openEngine(t, {
    leaseMs: 2_000,
    wrap: store => ({
      ...store,
      async record(key) {
        if (key.kind === 'person') {
          looked.resolve()
          await answered.promise
        }
        return store.record(key)
      }
    })
  })
  engine.worker.start()
  const id = await engine.accept(said('Hello.'))
  await looked.promise
  engine.advance(2_001)
  const taken = await engine.store.claim({ tenants: [tenant], owner: 'another', leaseMs: 60_000 })
  t.equal(taken?.execution.id, id)
  answered.resolve()
  await engine.worker.stop(1_000)
  t.strictSame(engine.sent, [])
  t.match(await engine.store.read(id), { token: taken?.lease.token })
})

t.test('a holder that lost its lane starts no effect and writes nothing', async t => {
  let go: (turn: object) => void = () => {}
  const engine = await openEngine(t, {
    respond: () =>
      new Promise(resolve => {
        go = resolve
      }),
    leaseMs: 1_000,
    concurrency: 1
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  await engine.until(id, ({ state }) => state === 'running')
  engine.advance(1_001)
  const taken = await engine.store.claim({ tenants: [tenant], owner: 'another', leaseMs: minute })
  t.equal(taken?.execution.id, id)
  go({ text: 'Too late.' })
  await engine.until(id, () => engine.seen.some(({ event }) => event === 'lease.lost'))
  t.equal(engine.sent.length, 0)
  t.equal((await engine.store.read(id))?.n, 1)
})

t.test(
  'an interrupted call of a tool that must not be repeated is unknown, told, and settled by the operator',
  async t => {
    let runs = 0
    let interrupt: () => void = () => {}
    const pay = defineTool({
      name: 'pay',
      description: 'Pays.',
      input: z.strictObject({}),
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
      repeatable: false,
      describe: () => 'Pay',
      run: () => {
        runs++
        return new Promise((_resolve, reject) => {
          interrupt = () => reject(new Error('the process is gone'))
        })
      }
    })
    const results: string[] = []
    const engine = await openEngine(t, {
      tools: [pay],
      leaseMs: 1_000,
      concurrency: 1,
      respond: async ({ items }) => {
        const last = items.at(-1)
        if (last?.role !== 'result') return { text: '', calls: [{ id: 'c', tool: 'pay', arguments: '{}' }] }
        results.push(last.output)
        return { text: 'It was paid.' }
      }
    })
    const id = await engine.accept(said('pay'))
    engine.worker.start()
    await engine.until(id, ({ frames }) => frames.at(-1)?.kind === 'tool.started' && runs === 1)
    // Somebody else takes the lane over, as after a kill, and lets it go.
    engine.advance(1_001)
    const taken = await engine.store.claim({ tenants: [tenant], owner: 'another', leaseMs: minute })
    interrupt()
    await engine.until(id, () => engine.seen.some(({ event }) => event === 'lease.lost'))
    await engine.store.release(taken!.lease)
    t.equal((await engine.ended(id)).state, 'unknown')
    t.match(engine.sent[0]?.text, /do not know whether it happened/)
    t.ok(engine.seen.some(({ event, fields }) => event === 'alert' && fields.code === 'OUTCOME_UNKNOWN'))
    t.equal((await retryExecution(engine.parts, id).catch(error => error)).code, 'EFFECT_UNDECIDED')
    t.equal(await retryExecution(engine.parts, id, 'happened'), 'queued')
    const execution = await engine.ended(id)
    t.equal(execution.state, 'done')
    t.equal(runs, 1)
    t.match(results, ['It was done.'])
    t.equal(checkChain(execution.frames), null)
  }
)

t.test('a send that may have been taken is looked for three times before it is sent again', async t => {
  const looks: number[] = []
  let takes = 0
  const engine = await openEngine(t, {
    send: async () => {
      takes++
      if (takes === 1) throw new Failure('SEND_UNAVAILABLE')
      return 'SM-second'
    },
    listSent: async () => {
      looks.push(engine.parts.clock.now())
      return []
    }
  })
  const started = engine.parts.clock.now()
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  await engine.until(id, ({ frames, state }) => state === 'queued' && frames.at(-1)?.kind === 'attempt.failed')
  for (let i = 0; i < 30 && takes < 2; i++) {
    engine.advance(1_000)
    await new Promise(resolve => setTimeout(resolve, 30))
  }
  t.equal((await engine.ended(id)).state, 'done')
  t.equal(looks.length, 3)
  t.ok((looks[0] ?? 0) >= started + 10_000, 'not before the first attempt has certainly ended')
  t.ok((looks[2] ?? 0) >= started + 20_000)
  t.equal(takes, 2)
})

t.test('a send that was refused before it was taken is tried again at once, without a look', async t => {
  let takes = 0
  const engine = await openEngine(t, {
    send: async () => {
      takes++
      if (takes === 1) throw new Failure('SEND_UNAVAILABLE', { refused: true, retryAfterMs: 1_000 })
      return 'SM-second'
    },
    listSent: async () => {
      throw new TypeError('nothing to look for')
    }
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  await engine.until(id, ({ frames, state }) => state === 'queued' && frames.at(-1)?.kind === 'attempt.failed')
  engine.advance(1_001)
  t.equal((await engine.ended(id)).state, 'done')
  t.equal(takes, 2)
})
