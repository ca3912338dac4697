import t, { type Test } from 'tap'
import { repeatAct } from '../../src/audit/repeat-act.ts'
import type { Listing, Received, Wanted } from '../../src/channels/channel.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { EventName } from '../../src/frames/event.ts'
import { Failure } from '../../src/frames/failure.ts'
import { createInbox } from '../../src/inbox/inbox.ts'
import { createReconciler, keepReconciled, type ReconcilerParts } from '../../src/inbox/reconcile.ts'
import { windowOf } from '../../src/inbox/reconciler-mark.ts'
import { auditOf } from '../audit/audit-of.ts'
import { openStore } from '../store/open-sqlite.ts'

const tenant = `AC${'c3'.repeat(16)}`
const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const patient = new AbortController().signal

function heard(n: number, from = 'whatsapp:+14155550100'): Received {
  const message = `SM${String(n).padStart(32, '0')}`
  return {
    id: `messaging:${tenant}:${message}`,
    kind: 'text.received',
    data: {
      ...{ channel: 'messaging', account: tenant, message, from, to: 'whatsapp:+14155238886' },
      ...{ text: 'words', media: [], forwarded: false }
    },
    provenance: { origin: 'list', integrity: 'user_forwarded', confidentiality: 'user', ref: message }
  }
}

/** A store, a door, and a channel that lists what the test says. */
async function open(t: Test) {
  const { store, clock: moved } = await openStore(t)
  const clock = { ...moved, monotonic: moved.now }
  const seen: { event: EventName; fields: object }[] = []
  const observe: ReconcilerParts['observe'] = (event, fields) => void seen.push({ event, fields })
  const windows: Pick<Wanted, 'since' | 'until'>[] = []
  let listed: Received[] = []
  let answer: (signal: AbortSignal) => Promise<Partial<Listing>> = async () => ({})
  const channel = {
    async listReceived({ since, until, isKnown }: Wanted, signal: AbortSignal): Promise<Listing> {
      windows.push({ since, until })
      const received: Received[] = []
      for (const each of listed) if (!(await isKnown(each.id))) received.push(each)
      return { received, unreadable: 0, complete: true, ...(await answer(signal)) }
    }
  }
  const inbox = createInbox({
    codeOf: hash => hash.slice(0, 6),
    ...{ store, clock, entropy: systemEntropy, observe },
    pseudonym: (_tenant, address) => address.slice(-4),
    allowed: (_tenant, address) => address.startsWith('whatsapp:'),
    auditOf,
    repeatOf: repeatAct
  })
  const channelOf = (() => channel) as unknown as ReconcilerParts['channelOf']
  const parts: ReconcilerParts = { store, clock, observe, inbox, channelOf }
  return {
    ...{ parts, store, clock, inbox, windows },
    start: clock.now(),
    list: (...received: Received[]) => {
      listed = received
    },
    answerWith: (how: typeof answer) => {
      answer = how
    },
    told: (event: EventName) => seen.filter(each => each.event === event).map(({ fields }) => fields),
    mark: async () => (await store.record({ tenant, user: 'server', kind: 'reconciler', id: 'mark' }))?.data
  }
}

t.test('the window begins at the first start, an hour back at least and a day at most', t => {
  const startedAt = Date.UTC(2026, 0, 1)
  const since = (now: number, reachedAt = startedAt) => windowOf({ startedAt, reachedAt, freeAt: 0 }, now)?.since
  t.equal(since(startedAt), undefined, 'nothing is two minutes old')
  t.equal(since(startedAt + 2 * minute), undefined)
  t.strictSame(windowOf({ startedAt, reachedAt: startedAt, freeAt: 0 }, startedAt + 3 * minute), {
    since: startedAt,
    until: startedAt + minute
  })
  const later = startedAt + 72 * hour
  t.equal(since(later, later - 3 * minute), later - hour)
  t.equal(since(later, later - 5 * hour), later - 5 * hour - 5 * minute)
  t.equal(since(later), later - 24 * hour)
  t.equal(since(later, later + hour), later - hour, 'a mark from a clock that was ahead')
  t.equal(since(startedAt - hour), undefined, 'a clock set back')
  t.end()
})

t.test('a missed message is accepted once, and told as reconciled', async t => {
  const { parts, store, clock, inbox, list, told, windows, start } = await open(t)
  const reconcile = createReconciler(parts, tenant)
  await reconcile(patient)
  t.strictSame(windows, [], 'the first start only writes itself down')
  clock.advance(10 * minute)
  await inbox.accept(tenant, heard(1), null)
  list(heard(1), heard(2), heard(3, '+14155550100'))
  await reconcile(patient)
  t.strictSame(windows, [{ since: start, until: start + 8 * minute }])
  t.strictSame(
    told('message.reconciled'),
    [2, 3].map(n => ({ execution: heard(n).id, kind: 'text.received' }))
  )
  t.match(await store.read(heard(2).id), { state: 'queued', frames: [{ provenance: { origin: 'list' } }] })
  t.match(told('message.refused'), [{ execution: heard(3).id }], 'who may write is the same')
  clock.advance(minute)
  await reconcile(patient)
  t.equal(told('message.reconciled').length, 2)
  t.match(told('reconcile.finished'), [{ accepted: 2, unreadable: 0, complete: true }, { accepted: 0 }])
  t.equal(await inbox.accept(tenant, heard(2), null), 'duplicate', 'the webhook that comes after all')
  t.strictSame(told('reconcile.failed'), [])
})

t.test('of two that look at once, one lists', async t => {
  const { parts, clock, list, told, windows } = await open(t)
  const both = [createReconciler(parts, tenant), createReconciler(parts, tenant)]
  const look = () => Promise.all(both.map(reconcile => reconcile(patient)))
  await look()
  list(heard(1))
  clock.advance(10 * minute)
  await look()
  t.equal(windows.length, 1)
  await look()
  t.equal(windows.length, 1, 'and none until the minute is over')
  clock.advance(minute)
  await look()
  t.equal(windows.length, 2)
  t.equal(told('message.reconciled').length, 1)
})

t.test('the turn of one that hangs is taken over after two minutes, and it moves the mark no more', async t => {
  const { parts, clock, answerWith, windows, mark, start } = await open(t)
  await createReconciler(parts, tenant)(patient)
  clock.advance(10 * minute)
  const hanging = Promise.withResolvers<Partial<Listing>>()
  answerWith(() => hanging.promise)
  const slow = createReconciler(parts, tenant)(patient)
  while (windows.length === 0) await new Promise(setImmediate)
  clock.advance(2 * minute - second)
  await createReconciler(parts, tenant)(patient)
  t.equal(windows.length, 1)
  clock.advance(second)
  answerWith(async () => ({}))
  await createReconciler(parts, tenant)(patient)
  t.match(await mark(), { reachedAt: start + 10 * minute })
  hanging.resolve({})
  await slow
  t.match(await mark(), { reachedAt: start + 10 * minute, startedAt: start })
})

t.test('a turn of a clock that is ahead holds nobody up', async t => {
  const { parts, clock, windows } = await open(t)
  const reconcile = createReconciler(parts, tenant)
  await reconcile(patient)
  clock.advance(3 * hour)
  await reconcile(patient)
  clock.advance(-hour)
  await reconcile(patient)
  t.equal(windows.length, 2)
})

t.test('only a complete run moves the mark', async t => {
  const { parts, clock, answerWith, told, mark, start, windows } = await open(t)
  const reconcile = createReconciler(parts, tenant)
  await reconcile(patient)
  const look = () => {
    clock.advance(hour)
    return reconcile(patient)
  }
  answerWith(async () => ({ complete: false, unreadable: 3 }))
  await look()
  t.match(await mark(), { reachedAt: start })
  t.match(told('reconcile.finished'), [{ accepted: 0, unreadable: 3, complete: false }])
  answerWith(() => Promise.reject(new Failure('LIST_UNAVAILABLE', { cause: { status: 503, code: null } })))
  for (let i = 0; i < 3; i++) await look()
  t.match(await mark(), { reachedAt: start })
  t.strictSame(told('reconcile.failed')[0], { code: 'LIST_UNAVAILABLE', cause: 'status-503' })
  t.strictSame(told('alert'), [{ code: 'LIST_UNAVAILABLE', execution: null }], 'the third in a row')
  answerWith(async () => ({}))
  await look()
  t.match(await mark(), { reachedAt: start + 5 * hour - 2 * minute })
  t.equal(windows.at(-1)?.since, start)
})

t.test('it stops in mid-listing, and the turn is free at once', async t => {
  const { parts, clock, answerWith, told, windows, mark, start } = await open(t)
  await createReconciler(parts, tenant)(patient)
  clock.advance(10 * minute)
  answerWith(
    signal =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Failure('LIST_UNAVAILABLE')))
      })
  )
  const stop = keepReconciled({ ...parts, tenants: [tenant] })
  while (windows.length === 0) await new Promise(setImmediate)
  await stop()
  t.match(await mark(), { reachedAt: start, freeAt: clock.now() })
  t.strictSame(told('reconcile.failed'), [], 'which is no failure')
})
