import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { createRefusalCounts } from '../../src/audit/refusal-counts.ts'
import { serverTenant, tellServerActs } from '../../src/audit/server-acts.ts'
import { Failure } from '../../src/frames/failure.ts'
import { openStore } from '../store/open-sqlite.ts'

const minute = 60_000

t.test('a server tells of its start and its stop', async t => {
  const { start, shown } = await open(t)
  const stop = await start()
  t.match(await shown(), [
    {
      id: 'server:owner-1:start',
      tenant: 'server',
      actor: 'server',
      action: 'server.start',
      execution: null,
      outcome: 'done',
      detail: { workers: 8 }
    }
  ])
  await stop('signal')
  t.match(
    (await shown()).find(({ action }) => action === 'server.stop'),
    {
      id: 'server:owner-1:stop',
      detail: { why: 'signal' }
    }
  )
})

t.test('refused webhooks are one record a reason and minute, however many there are', async t => {
  const { start, shown, refuse, writes, clock } = await open(t)
  const stop = await start()
  const first = new Date(clock.now()).toISOString()
  for (let i = 0; i < 1_000; i++) refuse('SIGNATURE_INVALID')
  refuse('ACCOUNT_UNKNOWN')
  refuse('STORE_UNAVAILABLE')
  refuse('planted')
  mock.timers.tick(minute)
  t.equal(writes(), 1, 'the minute is not over by the clock')
  clock.advance(minute)
  const second = new Date(clock.now()).toISOString()
  refuse('SIGNATURE_INVALID')
  mock.timers.tick(minute)
  await stop('signal')
  t.equal(writes(), 3, 'the start, one minute, and the stop')
  const told = (await shown()).filter(({ action }) => action === 'webhook.refuse')
  t.match(told, [
    { id: `refused:owner-1:${second}:SIGNATURE_INVALID`, outcome: 'refused', detail: { count: 1 } },
    { id: `refused:owner-1:${first}:SIGNATURE_INVALID`, at: first, detail: { count: 1_000 } },
    { id: `refused:owner-1:${first}:ACCOUNT_UNKNOWN`, detail: { reason: 'ACCOUNT_UNKNOWN', count: 1 } }
  ])
  t.equal(told.length, 3)
})

t.test('what could not be told is told later, and whoever cannot tell of the start does not start', async t => {
  const { start, shown, refuse, fail, clock } = await open(t)
  fail(true)
  t.match(await start().catch(error => error), { code: 'STORE_UNAVAILABLE' })
  fail(false)
  const stop = await start()
  refuse('SIGNATURE_INVALID')
  clock.advance(minute)
  fail(true)
  mock.timers.tick(minute)
  await new Promise(setImmediate)
  fail(false)
  refuse('SIGNATURE_INVALID')
  await stop('signal')
  const told = (await shown()).filter(({ action }) => action === 'webhook.refuse')
  t.match(told, [{ detail: { count: 1 } }, { detail: { count: 1 } }])
})

/** A store that can fail, and the acts of a process on it. */
async function open(t: Test) {
  const { store, clock: moved } = await openStore(t)
  const clock = { ...moved, monotonic: moved.now }
  const refusals = createRefusalCounts(clock)
  let failing = false
  let written = 0
  const audit: typeof store.audit = async records => {
    if (failing) throw new Failure('STORE_UNAVAILABLE')
    written += 1
    await store.audit(records)
  }
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  return {
    clock,
    start: () => tellServerActs({ store: { audit }, clock, owner: 'owner-1', refusals }, { workers: 8 }),
    shown: async () => (await store.auditPage({ tenants: [serverTenant], limit: 50 })).records,
    refuse: (reason: string) => refusals.observe('webhook.refused', { route: 'messages', reason }),
    writes: () => written,
    fail: (now: boolean) => {
      failing = now
    }
  }
}
