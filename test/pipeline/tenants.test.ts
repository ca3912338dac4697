import t from 'tap'
import { z } from 'zod'
import { Failure } from '../../src/frames/failure.ts'
import type { Draft } from '../../src/frames/frame.ts'
import { createKnownSecrets } from '../../src/policy/known-secrets.ts'
import { answer } from '../../src/tools/answer.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { createSecrets } from '../../src/vault/scoped-secrets.ts'
import { Secret } from '../../src/vault/secret.ts'
import { randomFrom } from '../random.ts'
import { openEngine, said } from './engine-on-store.ts'

const tenants = ['AC1', 'AC2']
const lanes = 5
const turnsOfALane = 20

t.test('two tenants on one worker, under faults: no secret, record or memory of one comes to the other', async t => {
  const random = randomFrom(29)
  const crossings: string[] = []
  const counts = { calls: 0, withSecret: 0, faults: 0 }
  const check = (tenant: string, what: string, text: string) => {
    for (const other of tenants)
      if (other !== tenant && text.includes(`tag-${other}`)) crossings.push(`${tenant}: ${what}`)
  }
  const secrets = createSecrets({
    source: {
      async read(tenant, name) {
        for (let i = Math.floor(random() * 4); i > 0; i--) await new Promise(resolve => setImmediate(resolve))
        if (random() < 0.1) throw new Error('broken')
        return random() < 0.1 ? null : { value: new Secret(`tag-${tenant}|${name}`) }
      }
    },
    // Nothing is fresh for long.
    clock: { monotonic: () => counts.calls * 20_000 },
    handedOut: () => {}
  })
  const crm = defineTool({
    name: 'crm',
    description: 'Reads and writes.',
    input: z.strictObject({ text: z.string() }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    repeatable: true,
    describe: () => 'Do it',
    async run({ text }, { tenant, records, secrets: own, idempotencyKey }) {
      counts.calls++
      const kept = await records.list('note', { limit: 100 })
      check(tenant, 'arguments', text)
      check(tenant, 'records', JSON.stringify(kept))
      if (random() < 0.1) {
        counts.faults++
        throw new Failure('PROVIDER_UNAVAILABLE')
      }
      return own.withSecret('crm-token', async secret => {
        counts.withSecret++
        check(tenant, 'secret', secret.reveal())
        if (!secret.reveal().startsWith(`tag-${tenant}|`)) crossings.push(`${tenant}: a secret of nobody`)
        await records.put({ kind: 'note', id: idempotencyKey }, { text }, 0)
        return answer({ noted: text, of: `tag-${tenant}` })
      })
    }
  })
  const engine = await openEngine(t, {
    ...{ tenants, tools: [crm], secrets, known: createKnownSecrets() },
    respond: async ({ items, instructions }) => {
      const last = items.at(-1)
      const own = tenants.find(each => JSON.stringify(items).includes(`from tag-${each}`)) ?? 'nobody'
      check(own, 'prompt', JSON.stringify(items) + instructions)
      if (last?.role === 'result') return { text: `Done: ${last.output}` }
      return { calls: [{ id: `c${items.length}`, tool: 'crm', arguments: JSON.stringify({ text: `tag-${own}` }) }] }
    }
  })
  const ids: [tenant: string, id: string][] = []
  for (let turn = 0; turn < turnsOfALane; turn++) {
    for (let lane = 0; lane < lanes; lane++) {
      for (const tenant of tenants) {
        const draft = said(`message ${turn} from tag-${tenant}`)
        const whole = { ...draft, data: { ...draft.data, account: tenant } } as Draft
        // The same person on both sides: only the tenant tells them apart.
        const of = { tenant, principal: `person-${lane}` }
        ids.push([tenant, await engine.accept(whole, `${tenant}-lane-${lane}`, frames => frames, of)])
      }
    }
  }
  engine.worker.start()
  const moving = setInterval(() => engine.advance(2_000), 20)
  t.teardown(() => clearInterval(moving))
  for (const [tenant, id] of ids) {
    const execution = await engine.until(id, ({ state }) => !['queued', 'running'].includes(state))
    check(tenant, 'frames', JSON.stringify(execution.frames))
  }
  clearInterval(moving)
  t.strictSame(crossings, [])
  t.ok(counts.withSecret > ids.length / 3, `${ids.length} turns, ${counts.withSecret} calls with a secret`)
  t.ok(counts.faults > 5, `${counts.faults} faults`)
})
