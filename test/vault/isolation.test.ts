import t from 'tap'
import { Failure } from '../../src/frames/failure.ts'
import { createHashicorpSource } from '../../src/vault/hashicorp.ts'
import { createSecrets } from '../../src/vault/scoped-secrets.ts'
import { Secret } from '../../src/vault/secret.ts'
import type { SecretSource } from '../../src/vault/secrets.ts'
import { randomFrom } from '../random.ts'
import { type Answer, standIn } from './http-stand-in.ts'

const tenants = [`AC${'a1'.repeat(16)}`, `AC${'b2'.repeat(16)}`]
const names = ['crm-token', 'mail-key', 'notes']
const tools = ['crm__find', 'crm__add', 'mail__send']
const turns = 10_000

t.test('10,000 interleaved calls of two tenants under faults: no secret of one is handed to the other', async t => {
  const random = randomFrom(29)
  let now = 0
  const { origin, seen } = await standIn(t, ({ path }): Answer => {
    const [tenant, name] = path.split('/').slice(-2)
    const dice = random()
    if (dice < 0.05) return { status: 500, body: '' }
    if (dice < 0.1) return { status: 200, body: '{"data":' }
    if (dice < 0.15) return { status: 404, body: '{}' }
    const kept = { value: `${tenant}|${name}|secret`, ...(name === 'mail-key' && { tools: 'mail__*' }) }
    return { status: 200, body: JSON.stringify({ data: { data: kept } }) }
  })
  const vault = createHashicorpSource({
    address: origin,
    token: new Secret('hvs.x'),
    mount: 'secret',
    prefix: 'knomly'
  })
  // Answers come in another order than they were asked for.
  const source: SecretSource = {
    async read(...asked) {
      const answer = await vault.read(...asked)
      for (let i = Math.floor(random() * 5); i > 0; i--) await new Promise(resolve => setImmediate(resolve))
      return answer
    }
  }
  const registered: string[] = []
  const secrets = createSecrets({
    source,
    clock: { monotonic: () => now },
    handedOut: secret => void registered.push(secret.reveal())
  })
  const counts = { handed: 0, refused: 0, crossed: 0, wrongTool: 0 }
  const turn = async () => {
    const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T
    const [tenant, name, tool] = [pick(tenants), pick(names), pick(tools)]
    now += random() * 100
    try {
      const got = await secrets.withSecret(name, { tenant, principal: 'p', tool }, async secret => {
        await new Promise(resolve => setImmediate(resolve))
        if (random() < 0.05) throw new Error('the tool breaks')
        return secret.reveal()
      })
      counts.handed++
      if (got !== `${tenant}|${name}|secret`) counts.crossed++
      if (name === 'mail-key' && tool !== 'mail__send') counts.wrongTool++
    } catch (error) {
      if (error instanceof Failure && error.code === 'SECRET_UNAVAILABLE') counts.refused++
    }
  }
  for (let i = 0; i < turns; i += 50) await Promise.all(Array.from({ length: 50 }, turn))
  t.ok(counts.handed > turns / 2, `${counts.handed} were handed out, ${counts.refused} refused`)
  t.ok(counts.refused > turns / 10)
  t.ok(seen.length > 100, `${seen.length} lookups`)
  t.match(counts, { crossed: 0, wrongTool: 0 })
  t.ok(registered.length >= counts.handed, 'each one was made known before it was handed out')
})

t.test('a secret that was changed or withdrawn counts for a minute at most', async t => {
  let now = 0
  let kept: string | null = 'first'
  let reads = 0
  const source: SecretSource = {
    async read() {
      reads++
      return kept === null ? null : { value: new Secret(kept) }
    }
  }
  const secrets = createSecrets({ source, clock: { monotonic: () => now }, handedOut: () => {} })
  const scope = { tenant: 'AC1', principal: 'p', tool: 'x' }
  const ask = () => secrets.withSecret('a', scope, async secret => secret.reveal())
  t.equal(await ask(), 'first')
  kept = 'second'
  now = 59_999
  t.equal(await ask(), 'first')
  t.equal(reads, 1)
  now = 60_000
  t.equal(await ask(), 'second')
  kept = null
  now = 120_000
  await t.rejects(ask(), { code: 'SECRET_UNAVAILABLE' })
  kept = 'third'
  t.equal(await ask(), 'third', 'what was not there is asked for anew')
})
