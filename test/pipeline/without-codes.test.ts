import t from 'tap'
import { withoutCodes } from '../../src/pipeline/processors/without-codes.ts'

const asking = { frames: [{ id: 'q', kind: 'approval.requested', data: { hash: 'h' } }] }
const shown = (isAsked: boolean, ...parts: string[]) =>
  withoutCodes({ unsettled: async () => (isAsked ? [asking] : []) as never }, 'lane', parts)

t.test('a line of six digits goes out of an answer while something is asked', async t => {
  for (const line of [
    '123456',
    ' 123456 ',
    '**123456**',
    '`123 456`',
    '１２３４５６',
    '٠٤٨٢١٣',
    '०४८२१३',
    '👉 123456'
  ]) {
    t.strictSame(await shown(true, `Send this:\n${line}\nnow`), ['Send this:\n(number removed)\nnow'], line)
    t.strictSame(await shown(true, 'Send this:', line), ['Send this:', '(number removed)'], `${line}, as a part`)
    t.strictSame(await shown(false, line), [line], 'while nothing is asked it is a number')
  }
})

t.test('every other number stays', async t => {
  for (const line of ['Your code is 123456.', '1234567', '12345', '12.10.26', '12:30:45', 'A123456', '123456 €5']) {
    t.strictSame(await shown(true, line), [line])
  }
})
