import canonicalize from 'canonicalize'
import t from 'tap'
import { jcs } from '../../src/frames/jcs.ts'

t.test('the canonical text is that of the reference, whatever the order of the keys', async t => {
  const values = [
    null,
    true,
    -0,
    1e21,
    0.1 + 0.2,
    '\u2028 "quoted" \\ é 😀',
    [],
    {},
    { a: 1, b: [{ c: null, d: 'x' }] },
    { b: 1, a: 2 },
    { a: { z: 1, y: 2 } },
    [{ b: 1 }, { d: 1, c: 2 }],
    { 10: 'ten', 9: 'nine' },
    { A: 1, a: 2, é: 3, '😀': 4, '\ufb33': 5 },
    { a: undefined, b: 1 },
    { a: [undefined] },
    { at: new Date(0) },
    Object.create(null, { b: { value: 1, enumerable: true }, a: { value: 2, enumerable: true } })
  ]
  for (const value of values) t.equal(jcs(value), canonicalize(value))
})

t.test('what has no canonical text is refused', async t => {
  for (const value of [undefined, Number.NaN, Number.POSITIVE_INFINITY, '\ud800', { a: '\udc00' }, { '\ud800': 1 }]) {
    t.throws(() => jcs(value), String(value))
  }
})
