import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { z } from 'zod'
import { openQuestion } from '../../src/frames/approval.ts'
import { Failure } from '../../src/frames/failure.ts'
import type { Draft } from '../../src/frames/frame.ts'
import type { Store } from '../../src/store/store.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { randomFrom } from '../random.ts'
import { codeOf, openEngine, otherTenant, said, tenant } from './engine-on-store.ts'

const rounds = 18
const random = randomFrom(2_929)
const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T
const tagsIn = (text: string) => [...new Set(text.match(/tag-\d-\d/g) ?? [])]

/** The same numbers write to both tenants; the tag of a person stands in all that they say. */
const people = [tenant, otherTenant].flatMap((of, i) =>
  [1, 2, 3, 4, 5, 6].map(n => ({ of, lane: `${of}-person-${n}`, tag: `tag-${i}-${n}` }))
)
const ownerOf = (lane: string) => people.find(each => each.lane === lane)

t.test('in many interleaved turns with random faults nothing of one tenant is passed to the other', async t => {
  const crossings: string[] = []
  const burnt: string[] = []
  const meet = (what: string, tags: readonly string[], own: string | undefined) => {
    if (tags.some(tag => tag !== own)) crossings.push(`${what} of ${own}: ${tags}`)
  }
  const hints = { readOnlyHint: false, idempotentHint: true, openWorldHint: false }
  const input = z.strictObject({ what: z.string() })
  const keep = defineTool({
    name: 'keep',
    description: 'Keeps a word.',
    input,
    repeatable: true,
    describe: () => 'Keep',
    annotations: { ...hints, destructiveHint: false },
    async run({ what }, { userId, tenant: of, records, idempotencyKey }) {
      meet('a call', tagsIn(what), ownerOf(userId)?.tag)
      if (ownerOf(userId)?.of !== of) crossings.push('a tenant')
      await records.put({ kind: 'word', id: idempotencyKey.slice(-40) }, what, 0)
      const kept = await records.list('word', { limit: 100 })
      meet('a record', tagsIn(JSON.stringify(kept)), ownerOf(userId)?.tag)
      return { outcome: 'done', result: `kept ${kept.map(({ data }) => data).slice(-3)}` }
    }
  })
  const burn = defineTool({
    name: 'burn',
    description: 'Burns a word.',
    input,
    repeatable: false,
    describe: ({ what }) => `Burn ${what}`,
    annotations: { ...hints, destructiveHint: true },
    async run({ what }, { userId }) {
      meet('an approved call', tagsIn(what), ownerOf(userId)?.tag)
      burnt.push(what)
      return { outcome: 'done', result: `burnt ${what}` }
    }
  })
  let turns = 0
  const failing = <A extends unknown[], T>(write: (...given: A) => Promise<T>) => {
    return async (...given: A): Promise<T> => {
      const lot = random()
      if (lot < 0.01) throw new Failure('STORE_UNAVAILABLE')
      const done = await write(...given)
      if (lot < 0.02) throw new Failure('STORE_UNAVAILABLE')
      return done
    }
  }
  const engine = await openEngine(t, {
    concurrency: 8,
    tools: [keep, burn],
    budgets: { promptsPerHour: 10_000, callsPerHour: 10_000, openQuestions: 10, failedCodesPerDay: 1_000 },
    wrap: (store: Store) => ({
      ...store,
      append: failing(store.append),
      finish: failing(store.finish),
      park: failing(store.park),
      putRecord: failing(store.putRecord),
      spend: failing(store.spend)
    }),
    async respond({ items }) {
      turns++
      const shown = tagsIn(JSON.stringify(items))
      if (shown.length !== 1) crossings.push(`a request to a model: ${shown}`)
      if (random() < 0.03) throw new Failure('PROVIDER_UNAVAILABLE')
      const last = items.at(-1)
      const words = last !== undefined && 'text' in last ? last.text : ''
      const [verb] = words.split(' ')
      if (verb !== 'keep' && verb !== 'burn') return { text: `I see ${JSON.stringify(items).slice(-500)}` }
      return { text: '', calls: [{ id: `c${turns}`, tool: verb, arguments: JSON.stringify({ what: words }) }] }
    },
    async send({ text }) {
      if (random() < 0.02) throw new Failure('SEND_UNAVAILABLE', { refused: true })
      return `SM-${text.length}-${random()}`
    }
  })
  engine.worker.start()
  const settled = async () => {
    for (let i = 0; i < 3_000; i++) {
      const { queued, running } = await engine.store.depth()
      if (queued + running === 0) return
      await wait(5)
      engine.advance(500)
    }
    throw new Error('it does not settle')
  }
  const codes = async () => {
    const { executions } = await engine.store.questions({ tenants: [tenant, otherTenant], pending: true, limit: 100 })
    return executions.map(({ lane, frames }) => ({ lane, code: codeOf(openQuestion(frames)?.data.hash ?? '') }))
  }

  const foreign: string[] = []
  for (let round = 0; round < rounds; round++) {
    const open = round % 3 === 2 ? await codes() : []
    for (const { of, lane, tag } of people) {
      const mine = open.find(each => each.lane === lane)
      const another = pick(open.filter(each => ownerOf(each.lane)?.of !== of))
      if (another !== undefined && random() < 0.3) {
        foreign.push(
          await engine.accept({ ...said(another.code), kind: 'code.received' } as Draft, lane, undefined, {
            tenant: of,
            principal: lane
          })
        )
      }
      if (mine !== undefined) {
        await engine.accept({ ...said(mine.code), kind: 'code.received' } as Draft, lane, undefined, {
          tenant: of,
          principal: lane
        })
      }
      await engine.accept(said(`${pick(['keep', 'keep', 'burn', 'tell me'])} ${tag}`), lane, undefined, {
        tenant: of,
        principal: lane
      })
    }
    await settled()
  }

  t.strictSame(crossings, [])
  t.ok(turns > 300, `${turns} turns`)
  t.ok(burnt.length > 5, `${burnt.length} calls were approved and made`)
  t.ok(foreign.length > 5)
  for (const id of foreign) {
    const { frames } = (await engine.store.read(id)) ?? { frames: [] }
    t.notOk(frames.some(({ kind, data }) => kind === 'evidence.judged' && data.verdict === 'approved'))
  }
  for (const { tenant: of, text } of engine.sentBy) {
    const owners = tagsIn(text).map(tag => people.find(each => each.tag === tag)?.of)
    if (owners.length > 1 || (owners.length === 1 && owners[0] !== of)) t.fail(`an answer of ${of}: ${tagsIn(text)}`)
  }
  for (const { lane, tag } of people) {
    const { executions } = (await engine.store.conversation(lane, 100)) ?? { executions: [] }
    const whole = await Promise.all(executions.map(({ id }) => engine.store.read(id)))
    t.strictSame(tagsIn(JSON.stringify(whole)), [tag], 'no frame of another')
  }
})
