import t from 'tap'
import { both } from '../src/both.ts'
import { type EventName, events, type FieldsOf, type Observe } from '../src/frames/event.ts'
import { createLog } from '../src/log.ts'

const id = 'messaging:ACc3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3:SMd4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4'

/** What a caller that mistakes itself could hand in: the types forbid it, the log must not rely on them. */
type Careless = (event: string, fields: unknown) => void

function listen(level: 'trace' | 'info' | 'silent' = 'trace') {
  const text: string[] = []
  const log = createLog({ level, destination: { write: line => void text.push(line) } })
  return { ...log, careless: log.observe as Careless, text, lines: () => text.map(line => JSON.parse(line)) }
}

t.test('an event is one line with its level, its time, its name and its fields', async t => {
  const { observe, lines } = listen()
  observe('message.accepted', { execution: id, kind: 'voice.received' })
  const [line] = lines()
  t.match(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  t.strictSame(line, {
    level: 'info',
    time: line.time,
    event: 'message.accepted',
    execution: id,
    kind: 'voice.received'
  })
})

t.test('how loud an event is belongs to the event', async t => {
  const { observe, lines } = listen()
  observe('alert', { code: 'SEND_REFUSED', execution: null })
  observe('config.warning', { code: 'everybody-allowed' })
  observe('webhook.answered', { route: '/webhooks/twilio/messages', status: 200, ms: 3 })
  t.strictSame(
    lines().map(({ level, event }) => [level, event]),
    [
      ['error', 'alert'],
      ['warn', 'config.warning'],
      ['debug', 'webhook.answered']
    ]
  )
})

t.test('a level leaves out what is less loud, and silent leaves out everything', async t => {
  const info = listen('info')
  info.observe('lease.lost', { lane: 'abc' })
  info.observe('step.finished', { execution: id, step: 'think', ms: 1 })
  t.equal(info.text.length, 1)
  const silent = listen('silent')
  silent.observe('alert', { code: 'SEND_REFUSED', execution: null })
  t.equal(silent.text.length, 0)
})

t.test('an unknown field is dropped and a long string is cut', async t => {
  const { careless, lines } = listen()
  careless('lease.lost', { lane: 'x'.repeat(300), body: 'Planted Words' })
  const [line] = lines()
  t.equal(line.lane, 'x'.repeat(200))
  t.notOk('body' in line)
})

t.test('a sentence, a URL or a number in a field is withheld', async t => {
  const { observe, lines } = listen()
  for (const cause of ['Planted Words', 'https://planted.example/a?b', '+4917600000000', 'a=b', 'sk-1\nplanted']) {
    observe('request.failed', { route: '/api/executions/:id', cause })
  }
  t.strictSame(
    lines().map(({ cause, route }) => [cause, route]),
    Array(5).fill(['withheld', '/api/executions/:id'])
  )
  const names = ['gpt-5.4-mini', '@cf/meta/llama:8b', 'ECONNRESET', 'TypeError']
  for (const code of names) observe('config.warning', { code })
  t.strictSame(
    lines()
      .slice(5)
      .map(({ code }) => code),
    names
  )
})

t.test('what cannot be mended is told by the name of its event alone, and nothing throws', async t => {
  const { careless, lines, text } = listen()
  const trap = Object.defineProperty({}, 'lane', {
    enumerable: true,
    get() {
      throw new Error('Planted Words')
    }
  })
  careless('lease.lost', {})
  careless('lease.lost', { lane: { text: 'Planted Words' } })
  careless('lease.lost', null)
  careless('lease.lost', 'Planted Words')
  careless('lease.lost', trap)
  careless('webhook.answered', { route: 'x', status: 200, ms: Number.NaN })
  careless('Planted Words', { lane: 'x' })
  careless('toString', { lane: 'x' })
  t.strictSame(
    lines().map(({ event, of }) => [event, of]),
    [
      ...Array(5).fill(['event.malformed', 'lease.lost']),
      ['event.malformed', 'webhook.answered'],
      ...Array(2).fill(['event.malformed', 'unknown'])
    ]
  )
  t.notMatch(text.join(''), /Planted/)
})

t.test('whatever is planted in any field of any event, no line shows it', async t => {
  const { careless, text } = listen()
  const planted = ['Planted Words', 'whatsapp:+4917600000000', 'https://media.example/planted', 'Bearer planted=']
  for (const [event, schema] of Object.entries(events)) {
    for (const secret of planted) {
      const fields = Object.keys(schema.shape).map(name => [name, secret])
      careless(event, Object.fromEntries([...fields, ['extra', secret]]))
    }
  }
  t.equal(text.length, Object.keys(events).length * planted.length)
  t.notMatch(text.join(''), /planted|4917600000000/i)
})

t.test('both observers hear an event', async t => {
  const heard: [string, EventName][] = []
  const ear =
    (name: string): Observe =>
    <E extends EventName>(event: E, _fields: FieldsOf<E>) =>
      void heard.push([name, event])
  both(ear('log'), ear('metrics'))('status.unmatched', {})
  t.strictSame(heard, [
    ['log', 'status.unmatched'],
    ['metrics', 'status.unmatched']
  ])
})

t.test('flushing ends even where there is nothing to flush', async t => {
  t.equal(await listen().flush(), undefined)
})
