import { join } from 'node:path'
import t, { type Test } from 'tap'
import { retryExecution } from '../../src/inbox/retry.ts'
import { kindsOf, type Outside, openEngine, said } from '../pipeline/engine-on-store.ts'
import { change } from '../store/open-sqlite.ts'

t.test('what a restore left unknown before anything was done is worked without a word of the operator', async t => {
  const engine = await openEngine(t)
  const id = await engine.accept(said('hello'))
  comeBackUnknown(t)
  t.equal(await retryExecution(engine.parts, id), 'queued')
  engine.worker.start()
  const execution = await engine.ended(id)
  t.equal(execution.state, 'done')
  t.match(execution.frames[1], { kind: 'work.retried', data: { from: 1, effect: undefined } })
})

t.test('an answer that was on its way is looked for and not sent a second time', async t => {
  const { engine, id } = await cutOffWhileSending(t, {
    // What the source has sent since the backup was made.
    listSent: async () => ['SM-of-the-source']
  })
  t.equal(await retryExecution(engine.parts, id), 'queued')
  const execution = await engine.ended(id)
  t.equal(execution.state, 'done')
  t.match(execution.frames.at(-2), {
    kind: 'reply.part-sent',
    data: { message: 'SM-of-the-source', reconciled: true }
  })
  t.strictSame(engine.sent, [])
})

t.test('an apology that was on its way is no question to the operator', async t => {
  const engine = await openEngine(t, {
    respond: async () => {
      throw new TypeError('broken')
    }
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  const stop = setInterval(() => engine.advance(60_000), 10)
  t.equal((await engine.ended(id)).state, 'dead')
  clearInterval(stop)
  await engine.worker.stop(0)
  change(join(t.testdirName, 'data'), "UPDATE executions SET state = 'unknown'")
  t.equal(await retryExecution(engine.parts, id), 'queued')
  const retried = await engine.store.read(id)
  t.match(retried?.frames.at(-1), { kind: 'work.retried', data: { from: 1 } })
})

t.test('a purged execution has nothing to go on from', async t => {
  const engine = await openEngine(t)
  const id = await engine.accept(said('hello'))
  comeBackUnknown(t, ', purged = 1')
  change(join(t.testdirName, 'data'), 'DELETE FROM frames')
  t.equal((await retryExecution(engine.parts, id).catch(error => error)).code, 'NOT_RETRYABLE')
})

/** What a restore without --resume makes of an open execution, behind the store's back. */
function comeBackUnknown(t: Test, more = ''): void {
  change(join(t.testdirName, 'data'), `UPDATE executions SET state = 'unknown', open = NULL, token = NULL${more}`)
  change(join(t.testdirName, 'data'), 'UPDATE lanes SET wake_at = NULL, token = NULL')
}

async function cutOffWhileSending(t: Test, outside: Outside) {
  const sending = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<string>()
  const engine = await openEngine(t, {
    ...outside,
    leaseMs: 1_000,
    send: () => {
      sending.resolve()
      return answer.promise
    }
  })
  const id = await engine.accept(said('hello'))
  engine.worker.start()
  await sending.promise
  comeBackUnknown(t)
  t.strictSame(kindsOf((await engine.store.read(id))!).at(-1), 'reply.started')
  engine.advance(60_000)
  answer.reject(new Error('the process is gone'))
  await engine.until(id, () => engine.seen.some(({ event }) => event === 'lease.lost'))
  return { engine, id }
}
