import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { openQuestion } from '../../../src/frames/approval.ts'
import { Failure } from '../../../src/frames/failure.ts'
import type { Draft } from '../../../src/frames/frame.ts'
import type { Store } from '../../../src/store/store.ts'
import { defineTool } from '../../../src/tools/define-tool.ts'
import { createSecrets } from '../../../src/vault/scoped-secrets.ts'
import { Secret } from '../../../src/vault/secret.ts'
import { codeOf, openEngine, otherTenant, said, tenant } from '../../pipeline/engine-on-store.ts'
import { randomFrom } from '../../random.ts'
import type { Teardown } from '../field.ts'
import type { Report } from '../verdict.ts'

const patienceMs = 60_000
const tagsIn = (text: string) => [...new Set(text.match(/tag-\d-\d/g) ?? [])]

/** Only the tenant tells the people of one from those of the other; the tag of a person stands in all that they say. */
const people = [tenant, otherTenant].flatMap((of, i) =>
  [1, 2, 3, 4, 5, 6].map(n => ({ of, principal: `person-${n}`, lane: `${of}-lane-${n}`, tag: `tag-${i}-${n}` }))
)
const tagOf = (of: string, principal: string) =>
  people.find(each => each.of === of && each.principal === principal)?.tag

/**
 * AC-29: the turns of two tenants' people, interleaved on one worker under random faults of the store, the models, the sends and the
 * secrets, until there were so many: no secret, frame, record, memory or approval of one is ever passed to the other.
 */
export async function tenants(t: Teardown, wanted = 10_000): Promise<Report> {
  const random = randomFrom(2_929)
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T
  const crossings: string[] = []
  const done = { turns: 0, burnt: 0, secrets: 0, faults: 0 }
  const meet = (what: string, tags: readonly string[], own: string | undefined) => {
    if (tags.some(tag => tag !== own)) crossings.push(`${what} of ${own}: ${tags}`)
  }
  const strikes = (share: number) => {
    const struck = random() < share
    if (struck) done.faults++
    return struck
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
    async run({ what }, { userId, tenant: of, records, secrets, idempotencyKey }) {
      meet('a call', tagsIn(what), tagOf(of, userId))
      await secrets.withSecret('key', async secret => {
        done.secrets++
        if (secret.reveal() !== `the key of ${of}`) crossings.push(`a secret of another than ${of}`)
      })
      await records.put({ kind: 'word', id: idempotencyKey.slice(-40) }, what, 0)
      const kept = await records.list('word', { limit: 100 })
      meet('a record', tagsIn(JSON.stringify(kept)), tagOf(of, userId))
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
    async run({ what }, { userId, tenant: of }) {
      meet('an approved call', tagsIn(what), tagOf(of, userId))
      done.burnt++
      return { outcome: 'done', result: `burnt ${what}` }
    }
  })
  const failing = <A extends unknown[], T>(write: (...given: A) => Promise<T>) => {
    return async (...given: A): Promise<T> => {
      if (strikes(0.01)) throw new Failure('STORE_UNAVAILABLE')
      const written = await write(...given)
      if (strikes(0.01)) throw new Failure('STORE_UNAVAILABLE')
      return written
    }
  }
  const dir = mkdtempSync(join(tmpdir(), 'knomly-tenants-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const engine = await openEngine(
    { testdir: () => dir, teardown: handler => t.teardown(handler) },
    {
      concurrency: 8,
      tools: [keep, burn],
      secrets: createSecrets({
        source: {
          async read(of) {
            if (strikes(0.02)) throw new Error('the vault is not there')
            if (strikes(0.02)) return null
            return { value: new Secret(`the key of ${of}`) }
          }
        },
        // Nothing is fresh for long.
        clock: { monotonic: () => done.secrets * 20_000 },
        handedOut: () => {}
      }),
      budgets: {
        ...{ promptsPerHour: 1e6, callsPerHour: 1e6, tokensPerDay: 1e12, openQuestions: 10, failedCodesPerDay: 1e6 }
      },
      wrap: (store: Store) => ({
        ...store,
        append: failing(store.append),
        finish: failing(store.finish),
        park: failing(store.park),
        putRecord: failing(store.putRecord),
        spend: failing(store.spend)
      }),
      async respond({ items }) {
        done.turns++
        const shown = tagsIn(JSON.stringify(items))
        if (shown.length !== 1) crossings.push(`a request to a model: ${shown}`)
        if (strikes(0.03)) throw new Failure('PROVIDER_UNAVAILABLE')
        const last = items.at(-1)
        const words = last !== undefined && 'text' in last ? last.text : ''
        const [verb] = words.split(' ')
        if (verb !== 'keep' && verb !== 'burn') return { text: `I see ${JSON.stringify(items).slice(-500)}` }
        return { text: '', calls: [{ id: `c${done.turns}`, tool: verb, arguments: JSON.stringify({ what: words }) }] }
      },
      async send({ text }) {
        if (strikes(0.02)) throw new Failure('SEND_UNAVAILABLE', { refused: true })
        return `SM-${text.length}-${random()}`
      }
    }
  )
  engine.worker.start()
  async function settled(): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (performance.now() < deadline) {
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
  let accepted = 0
  const tell = ({ kind, data, ...draft }: Draft, { of, principal, lane }: (typeof people)[number]) => {
    accepted++
    const whole = { ...draft, kind, data: { ...data, account: of } } as Draft
    return engine.accept(whole, lane, undefined, { tenant: of, principal })
  }
  const asCode = (code: string) => ({ ...said(code), kind: 'code.received' }) as Draft

  const foreign: string[] = []
  for (let round = 0; done.turns < wanted; round++) {
    const open = round % 3 === 2 ? await codes() : []
    for (const person of people) {
      const mine = open.find(each => each.lane === person.lane)
      const another = pick(open.filter(each => !each.lane.startsWith(person.of)))
      if (another !== undefined && random() < 0.3) foreign.push(await tell(asCode(another.code), person))
      if (mine !== undefined) await tell(asCode(mine.code), person)
      await tell(said(`${pick(['keep', 'keep', 'burn', 'tell me'])} ${person.tag}`), person)
    }
    await settled()
  }

  for (const id of foreign) {
    const { frames } = (await engine.store.read(id)) ?? { frames: [] }
    const isHeard = frames.some(({ kind, data }) => kind === 'evidence.judged' && data.verdict === 'approved')
    if (isHeard) crossings.push(`an approval by somebody else's code: ${id}`)
  }
  for (const { tenant: of, text } of engine.sentBy) {
    const owners = tagsIn(text).map(tag => people.find(each => each.tag === tag)?.of)
    if (owners.length > 1 || (owners.length === 1 && owners[0] !== of)) crossings.push(`an answer of ${of}`)
  }
  for (const { lane, tag } of people) {
    const { executions } = (await engine.store.conversation(lane, 100)) ?? { executions: [] }
    const whole = await Promise.all(executions.map(({ id }) => engine.store.read(id)))
    meet('frames', tagsIn(JSON.stringify(whole)), tag)
  }
  const bites = done.faults > 0 && done.burnt > 0 && done.secrets > 0 && foreign.length > 0
  return {
    case: `AC-29 ${done.turns} turns of two tenants`,
    struck: { others: done.faults },
    acknowledged: accepted,
    ...{ lost: 0, doubled: 0, disordered: 0, rerun: 0, gaps: 0, fenced: 0, unknown: 0 },
    remark: `${done.secrets} secrets, ${done.burnt} approved calls, ${foreign.length} codes of others`,
    problems: [...crossings, ...(bites ? [] : [`too little came to pass: ${JSON.stringify(done)}`])]
  }
}
