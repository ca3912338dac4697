import t from 'tap'
import { anomaliesIn, type History, type Operation } from './history.ts'

t.test('a history in which every promise was kept has no anomaly', async t => {
  t.strictSame(anomaliesIn(good()), [])
})

t.test('a call whose answer nobody learned may have happened or not', async t => {
  const unknown = { ...call('append', 55, 2, 'f9'), done: null, answer: 'unknown' } as const
  t.strictSame(anomaliesIn(changed({ more: [unknown] })), [], 'not there')
  const journals = new Map([...good().journals, ['e2', kept('a2', 'f9')]])
  const there = { ...unknown, execution: 'e2' }
  t.strictSame(
    anomaliesIn({ operations: [...good().operations.filter(({ frame }) => frame !== 'f3'), there], journals }),
    [],
    'there'
  )
})

const bad: readonly [string, Parameters<typeof changed>[0], RegExp][] = [
  ['a fence that falls', { more: [call('claim', 90, 1)] }, /fence 1 after/],
  ['a fence that is given twice', { more: [call('claim', 90, 2)] }, /fence 2 after/],
  ['a holder that writes after a later one', { frames: { e1: ['a1', 'f2', 'f1'] } }, /later one had/],
  ['a heartbeat of a holder that was replaced', { more: [call('heartbeat', 90, 1)] }, /heartbeat under the fence 1/],
  ['a frame that is written twice', { frames: { e1: ['a1', 'f1', 'f2', 'f2'] } }, /there twice/],
  ['a gap in a journal', { numbers: { e1: [1, 2, 4] } }, /frames 1, 2, 4/],
  ['an acknowledged append that is gone', { frames: { e1: ['a1', 'f1'] } }, /append was acknowledged and is not there/],
  ['an acknowledged message that is gone', { frames: { e2: [] } }, /accept was acknowledged/],
  ['a refused append that is there', { frames: { e1: ['a1', 'f1', 'f2', 'f0'] } }, /append was refused and is there/],
  [
    'a question that is decided twice',
    {
      more: [call('park', 81, 2, 'p1'), call('decide', 83, null, 'd1'), call('decide', 85, null, 'd2')],
      frames: { e1: ['a1', 'f1', 'f2', 'p1', 'd1', 'd2'] }
    },
    /decided twice/
  ],
  ['a message that overtakes an earlier one', { without: ['finish'] }, /e2 overtook e1/]
]

for (const [title, change, anomaly] of bad) {
  t.test(`${title} is an anomaly`, async t => {
    const found = anomaliesIn(changed(change))
    t.ok(
      found.some(each => anomaly.test(each)),
      found.join('\n') || 'nothing was found'
    )
  })
}

/** Two messages of a lane: the first holder of the first one is replaced, the second ends it and takes the second one. */
function good(): History {
  return {
    operations: [
      call('accept', 0, null, 'a1'),
      { ...call('accept', 10, null, 'a2'), execution: 'e2' },
      call('claim', 20, 1),
      call('append', 30, 1, 'f1'),
      call('claim', 40, 2),
      { ...call('append', 50, 1, 'f0'), answer: 'refused' },
      call('append', 60, 2, 'f2'),
      call('heartbeat', 65, 2),
      call('finish', 70, 2),
      { ...call('next', 70, 2), execution: 'e2' },
      { ...call('append', 80, 2, 'f3'), execution: 'e2' }
    ],
    journals: new Map([
      ['e1', kept('a1', 'f1', 'f2')],
      ['e2', kept('a2', 'f3')]
    ])
  }
}

function changed(change: {
  more?: readonly Operation[]
  without?: readonly string[]
  frames?: Readonly<Record<string, readonly string[]>>
  numbers?: Readonly<Record<string, readonly number[]>>
}): History {
  const { operations, journals } = good()
  const { more = [], without = [], frames = {}, numbers = {} } = change
  const moved = new Map([
    ...journals,
    ...Object.entries(frames).map(([execution, ids]) => [execution, kept(...ids)] as const)
  ])
  for (const [execution, ns] of Object.entries(numbers)) {
    moved.set(
      execution,
      (moved.get(execution) ?? []).map((frame, i) => ({ ...frame, n: ns[i] ?? 0 }))
    )
  }
  return { operations: [...operations.filter(({ op }) => !without.includes(op)), ...more], journals: moved }
}

function kept(...ids: readonly string[]) {
  return ids.map((id, i) => ({ id, n: i + 1 }))
}

function call(op: Operation['op'], asked: number, fence: number | null, frame: string | null = null): Operation {
  return { client: 'c', op, asked, done: asked + 5, answer: 'ok', lane: 'lane', execution: 'e1', fence, frame }
}
