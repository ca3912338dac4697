import t, { type Test } from 'tap'
import { z } from 'zod'
import { openQuestion } from '../../src/frames/approval.ts'
import { framesOf } from '../../src/frames/execution.ts'
import type { Draft } from '../../src/frames/frame.ts'
import type { Integrity } from '../../src/frames/provenance.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { openEngine, said } from './engine-on-store.ts'

/** A tool that goes out, and notes what it was given. */
const posting = (posted: unknown[], destructiveHint = false) =>
  defineTool({
    name: 'post',
    description: 'Posts.',
    input: z.strictObject({ text: z.json() }),
    // What destroys and goes out is of class D, and goes out all the same.
    annotations: { readOnlyHint: false, destructiveHint, idempotentHint: false, openWorldHint: true },
    repeatable: false,
    describe: () => 'Post',
    async run({ text }) {
      posted.push(text)
      return { outcome: 'done', result: 'posted' }
    }
  })

for (const destructiveHint of [false, true]) {
  t.test(`what the words of others went into goes to nobody with a link in it (destructive: ${destructiveHint})`, t =>
    refusesLinks(t, destructiveHint)
  )
}

async function refusesLinks(t: Test, destructiveHint: boolean): Promise<void> {
  const posted: unknown[] = []
  let given: object = {}
  const engine = await openEngine(t, {
    budgets: { promptsPerHour: 100 },
    tools: [posting(posted, destructiveHint)],
    respond: async ({ items }) =>
      items.at(-1)?.role === 'result'
        ? { text: 'That is all.' }
        : { text: '', calls: [{ id: 'c', tool: 'post', arguments: JSON.stringify(given) }] }
  })
  engine.worker.start()
  const posts = async (text: unknown, integrity: Integrity, lane: string) => {
    given = { text }
    const draft = said('post it, with https://theirs.com/page')
    const id = await engine.accept({ ...draft, provenance: { ...draft.provenance, integrity } } as Draft, lane)
    return engine.ended(id)
  }
  const links = [
    ...[
      'https://evil.com/?d=all',
      'https://theirs.com/page?d=all',
      'see evil.com/all.',
      'wa.me/15551234567',
      '//evil.com',
      'http://2130706433/'
    ],
    ...['![x](https://evil.com/a.png)', 'https://example.org@evil.com/', 'tel:+15551234567', 'ｅｖｉｌ．ｃｏｍ'],
    ...[['fine', { deep: ['https://evil.com/'] }], { 'https://evil.com/?d=all': 1 }]
  ]
  for (const [i, link] of links.entries()) {
    const { state, frames } = await posts(link, 'user_forwarded', `lane-${i}`)
    t.equal(state, 'done')
    t.match(
      framesOf(frames, 'tool.finished')[0]?.data,
      { outcome: 'refused', code: 'LINKS_REFUSED' },
      JSON.stringify(link)
    )
    t.strictSame(framesOf(frames, 'approval.requested'), [], 'nobody is asked')
  }
  for (const [words, integrity] of [
    ['nothing but words', 'user_forwarded'],
    ['see https://theirs.com/page.', 'tool_third_party'],
    ['their own https://evil.com/', 'user_typed']
  ] as const) {
    const { state, frames } = await posts(words, integrity, `own-${integrity}`)
    t.equal(state, 'parked')
    t.match(openQuestion(frames)?.data.binding.arguments, { text: words }, 'the person decides')
  }
  t.strictSame(posted, [])
}

t.test('beside a tool that nobody vouched for no foreign link goes out either', async t => {
  const engine = await openEngine(t, {
    tools: [{ ...posting([]), isVouchedFor: false }],
    respond: async ({ items }) =>
      items.at(-1)?.role === 'result'
        ? { text: 'That is all: https://evil.com/?d=all' }
        : { text: '', calls: [{ id: 'c', tool: 'post', arguments: '{"text":"https://evil.com/?d=all"}' }] }
  })
  engine.worker.start()
  const { frames } = await engine.ended(await engine.accept(said('post it'), 'lane'))
  t.match(framesOf(frames, 'tool.finished')[0]?.data, { outcome: 'refused', code: 'LINKS_REFUSED' })
  t.match(framesOf(frames, 'reply.drafted').at(-1)?.data.parts.join(), 'That is all: (link removed)')
})
