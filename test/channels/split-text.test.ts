import t from 'tap'
import { sendableText } from '../../src/channels/sendable-text.ts'
import { maxPart, splitText } from '../../src/channels/split-text.ts'

const bare = (text: string) => text.replace(/\s+/g, '')
const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' })
const count = (text: string) => [...clusters.segment(text)].length

t.test('a text that fits is one part', async t => {
  t.strictSame(splitText('Done.'), ['Done.'])
  t.strictSame(splitText(''), [''])
  t.strictSame(splitText('x'.repeat(maxPart)), ['x'.repeat(maxPart)])
})

t.test('a long text is cut at the best bound there is', async t => {
  t.strictSame(splitText('One two. Three four.\n\nFive six. Seven', 30), ['One two. Three four.', 'Five six. Seven'])
  t.strictSame(splitText('One two. Three four.\nFive six. Seven', 30), ['One two. Three four.', 'Five six. Seven'])
  t.strictSame(splitText('One two three four. Five six seven', 30), ['One two three four.', 'Five six seven'])
  t.strictSame(splitText('one two three four five six seven', 20), ['one two three four', 'five six seven'])
  t.strictSame(splitText(`see https://example.com/${'a'.repeat(20)} now`, 40), [
    'see',
    `https://example.com/${'a'.repeat(20)}`,
    'now'
  ])
  t.strictSame(splitText('a'.repeat(25), 10), ['a'.repeat(10), 'a'.repeat(10), 'a'.repeat(5)])
  t.strictSame(splitText('今天天气很好。我们去公园散步吧', 10), ['今天天气很好。', '我们去公园散步吧'])
})

t.test('nothing but white space is lost and no character is torn', async t => {
  const samples = [
    'The quick brown fox, aged 3.5 years, jumps. '.repeat(120),
    'नमस्ते दुनिया। '.repeat(300),
    '👩‍👩‍👧‍👦🏳️‍🌈👋🏽'.repeat(200),
    'e\u0301'.repeat(2_000),
    'สวัสดีชาวโลก'.repeat(300),
    'line\r\n\r\n'.repeat(700),
    ` ${'word\u00a0 \t'.repeat(900)} `
  ]
  for (const text of samples) {
    for (const max of [64, maxPart]) {
      const parts = splitText(text, max)
      t.equal(bare(parts.join('')), bare(text))
      t.ok(parts.every(part => part.length > 0 && part.length <= max && part.isWellFormed()))
      t.equal(
        parts.reduce((sum, part) => sum + count(bare(part)), 0),
        count(bare(text)),
        'no character is in two parts'
      )
    }
  }
})

t.test('one endless character is still cut into parts that are well-formed', async t => {
  const parts = splitText(`😀${'\u0301'.repeat(50)}`, 20)
  t.ok(parts.every(part => part.length <= 20 && part.isWellFormed()))
  t.strictSame(splitText('👩‍👩‍👧‍👦'.repeat(3), 5).join(''), '👩‍👩‍👧‍👦'.repeat(3))
})

t.test('a text is made fit for XML before it is sent', async t => {
  t.equal(sendableText('a\u0000b\u001bc\tD\n\uffff\ud800é😀'), 'abc\tD\n\ufffdé😀')
  t.equal(sendableText(sendableText('\udc00x')), sendableText('\udc00x'))
})
