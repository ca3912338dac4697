import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { health } from '../../routes/health.ts'
import { metrics } from '../../routes/metrics.ts'

async function open(t: Test, checks: Record<string, () => unknown>) {
  const app = Fastify()
  await app.register(health, { checks })
  await app.register(metrics, { metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'one 1\n' } })
  t.teardown(() => app.close())
  return app
}

t.test('a process that answers is live, whatever fails', async t => {
  const app = await open(t, { store: () => Promise.reject(new Error('planted words')) })
  const reply = await app.inject('/health/live')
  t.equal(reply.statusCode, 200)
  t.strictSame(reply.json(), { live: true })
})

t.test('a server is ready when every check holds', async t => {
  const app = await open(t, { store: async () => {}, worker: () => true })
  const reply = await app.inject('/health/ready')
  t.equal(reply.statusCode, 200)
  t.strictSame(reply.json(), {
    ready: true,
    checks: [
      { name: 'store', ok: true },
      { name: 'worker', ok: true }
    ]
  })
})

t.test('a check that is false, rejects or throws makes the server unready and is named, without its words', async t => {
  const app = await open(t, {
    store: () => Promise.reject(new Error('planted words')),
    worker: () => false,
    serving: async () => false,
    clock: () => {
      throw new Error('planted words')
    },
    disk: () => {}
  })
  const reply = await app.inject('/health/ready')
  t.equal(reply.statusCode, 503)
  t.notMatch(reply.body, /planted/)
  t.strictSame(
    reply.json().checks.filter((check: { ok: boolean }) => !check.ok),
    [
      { name: 'store', ok: false },
      { name: 'worker', ok: false },
      { name: 'serving', ok: false },
      { name: 'clock', ok: false }
    ]
  )
})

t.test('readiness is asked anew each time', async t => {
  let alive = true
  const app = await open(t, { worker: () => alive })
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  alive = false
  t.equal((await app.inject('/health/ready')).statusCode, 503)
})

t.test('the metrics are text of the format that they say', async t => {
  const reply = await (await open(t, {})).inject('/metrics')
  t.equal(reply.headers['content-type'], 'text/plain; version=0.0.4')
  t.equal(reply.body, 'one 1\n')
})
