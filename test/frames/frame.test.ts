import t from 'tap'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { checkChain, type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { jcs } from '../../src/frames/jcs.ts'
import { newestOf } from '../../src/frames/kinds.ts'
import { noTail } from '../../src/frames/tail.ts'

const tools = { clock: systemClock, entropy: systemEntropy }
const provenance = { origin: 'test', integrity: 'system', confidentiality: 'public', ref: null } as const

function sent(parts: number): Draft<'reply.sent'> {
  return { kind: 'reply.sent', data: { parts }, parent: null, provenance }
}

function chain(length: number): Frame[] {
  const frames: Frame[] = []
  for (let n = 1; n <= length; n++) frames.push(makeFrame('x', frames.at(-1) ?? noTail, sent(n), tools))
  return frames
}

t.test('a chain as it was made is whole', async t => {
  t.equal(checkChain(chain(5)), null)
})

t.test('a change anywhere in a chain is found and located', async t => {
  const frames = chain(4)
  const edited = (n: number, change: object) =>
    frames.map(frame => (frame.n === n ? ({ ...frame, ...change } as Frame) : frame))
  t.strictSame(checkChain(edited(2, { data: { parts: 9 } })), { n: 2, flaw: 'commitment' })
  t.strictSame(checkChain(edited(3, { at: '2026-01-01T00:00:00.000Z' })), { n: 3, flaw: 'hash' })
  const [nothing, half] = [{ data: undefined } as never, { origin: '\ud800' } as never]
  t.strictSame(checkChain(edited(2, nothing)), { n: 2, flaw: 'commitment' }, 'what cannot be hashed is not what it was')
  t.strictSame(checkChain(edited(2, { provenance: half })), { n: 2, flaw: 'hash' })
  t.strictSame(checkChain(edited(1, { commitment: '0'.repeat(64) })), { n: 1, flaw: 'commitment' })
  t.strictSame(checkChain(frames.filter(frame => frame.n !== 2)), { n: 2, flaw: 'position' })
})

t.test('a chain whose content was destroyed still verifies', async t => {
  const erased = chain(3).map(({ data: _data, salt: _salt, ...frame }) => frame)
  t.equal(checkChain(erased), null)
})

t.test('data that does not fit its kind makes no frame', async t => {
  const secret = { parts: 1, metadata: { token: 'x' } }
  t.throws(() => makeFrame('x', noTail, { ...sent(1), data: secret }, tools), { name: 'ZodError' })
})

t.test('a lone surrogate from a provider is made well-formed before it is hashed', async t => {
  const draft: Draft<'speech.transcribed'> = {
    kind: 'speech.transcribed',
    data: { attachment: 0, text: 'a\ud800b', language: null, provider: 'p', model: 'm' },
    parent: null,
    provenance
  }
  const frame = makeFrame('x', noTail, draft, tools)
  t.equal(frame.data.text, 'a\ufffdb')
  t.equal(checkChain([frame]), null)
})

t.test('what a frame holds stands in the order of its canonical text, in whatever order it was given', t => {
  const { schema } = newestOf('tool.requested')
  const calls = [{ id: 'c', tool: 't', arguments: '{}' }]
  const turn = { tokens: { output: 1, input: 2 }, provider: 'p', model: 'm', memory: [{ n: 1, execution: 'e' }] }
  const given = { text: 'x', ...turn, instructions: 'i', calls }
  t.equal(JSON.stringify(schema.parse(given)), jcs(given))
  t.end()
})
