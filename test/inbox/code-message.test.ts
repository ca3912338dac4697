import t from 'tap'
import type { Received } from '../../src/channels/channel.ts'
import { isCode, withCode } from '../../src/inbox/code-message.ts'

const code = '048213'
const asking = { frames: [{ id: 'q', kind: 'approval.requested', data: { hash: 'h' } }] }

async function kindOf(text: string, isAsked = true, change: object = {}, kind = 'text.received'): Promise<string> {
  const store = { unsettled: async () => (isAsked ? [asking] : []) as never }
  const received = { id: 'm', kind, data: { text, media: [], ...change } } as unknown as Received
  return (await withCode({ store, codeOf: () => code }, 'lane', received)).kind
}

t.test('six ASCII digits alone are a code while something is asked, and words otherwise', async t => {
  for (const text of [code, ` ${code} `, '000000', `${code}\n`]) {
    t.ok(isCode(text))
    t.equal(await kindOf(text), 'code.received', JSON.stringify(text))
    t.equal(await kindOf(text, false), 'text.received', JSON.stringify(text))
  }
})

t.test('no model is shown the code of an open question, in whatever dress it comes', async t => {
  const dresses = [
    ...[
      `the code is ${code}`,
      `${code}!`,
      `x${code}y`,
      '048-213',
      '0 4 8 2 1 3',
      '048.213',
      '04\u200b82\u200b13',
      `9${code}9`
    ],
    ...['０４８２１３', '٠٤٨٢١٣', '۰۴۸۲۱۳', '०४८२१३', '𝟎𝟒𝟖𝟐𝟏𝟑', `el código: ０４8-213.`]
  ]
  for (const text of dresses) {
    t.equal(await kindOf(text), 'code.received', text)
    t.notOk(isCode(text), `${text} approves nothing`)
  }
  t.equal(await kindOf('my order is 123456, where is it?'), 'text.received', 'another number is a number')
  t.equal(await kindOf('call 555 123 456'), 'text.received')
  t.equal(await kindOf(code, true, { media: [{ id: 'ME1', type: 'image/png', audio: false }] }), 'code.received')
  const note = { media: [{ id: 'ME1', type: 'audio/ogg', audio: true }] }
  t.equal(await kindOf(`it is ${code}`, true, note, 'voice.received'), 'code.received', 'beside a voice note')
  t.equal(await kindOf('', true, note, 'voice.received'), 'voice.received')
})
