import t from 'tap'
import { Failure } from '../../src/frames/failure.ts'
import { retryAt } from '../../src/pipeline/retrying.ts'

const minute = 60_000

function at(
  code: ConstructorParameters<typeof Failure>[0],
  attempt: { tries: number; now?: number; random?: number; retryAfterMs?: number }
) {
  const failure = new Failure(code, attempt.retryAfterMs === undefined ? {} : { retryAfterMs: attempt.retryAfterMs })
  return retryAt({
    failure,
    tries: attempt.tries,
    now: attempt.now ?? 0,
    acceptedAt: 0,
    random: attempt.random ?? 127.5
  })
}

t.test('a final failure is not tried again', async t => {
  t.equal(at('AUDIO_NOT_AUDIO', { tries: 1 }), null)
})

t.test('our own error is tried five times, each wait twice the one before', async t => {
  t.strictSame(
    [1, 2, 3, 4].map(tries => at('WORK_BROKEN', { tries })),
    [500, 1_000, 2_000, 4_000]
  )
  t.equal(at('WORK_BROKEN', { tries: 5 }), null)
})

t.test('waits differ by half either way and stay under a minute and a half', async t => {
  t.equal(at('WORK_BROKEN', { tries: 1, random: 0 }), 250)
  t.equal(at('WORK_BROKEN', { tries: 1, random: 255 }), 750)
  t.equal(at('PROVIDER_UNAVAILABLE', { tries: 30, random: 255 }), 1.5 * minute)
})

t.test('a wait is of whole milliseconds, which is what a store keeps', async t => {
  const waits = Array.from({ length: 256 }, (_, random) => at('WORK_BROKEN', { tries: 1, random }))
  t.ok(waits.every(Number.isInteger))
})

t.test('the other side is asked no sooner than it said', async t => {
  t.equal(at('PROVIDER_UNAVAILABLE', { tries: 1, retryAfterMs: 30_000 }), 30_000)
})

t.test('an outage is waited out for a quarter of an hour, a send for four hours', async t => {
  t.equal(at('PROVIDER_UNAVAILABLE', { tries: 9, now: 14 * minute }), 15 * minute)
  t.equal(at('PROVIDER_UNAVAILABLE', { tries: 9, now: 15 * minute }), null)
  t.type(at('SEND_UNAVAILABLE', { tries: 30, now: 200 * minute }), 'number')
  t.equal(at('SEND_UNAVAILABLE', { tries: 30, now: 240 * minute }), null)
})

t.test('a message that waited long in the queue still gets three tries', async t => {
  t.type(at('PROVIDER_UNAVAILABLE', { tries: 2, now: 60 * minute }), 'number')
  t.equal(at('PROVIDER_UNAVAILABLE', { tries: 3, now: 60 * minute }), null)
})

t.test('an outage that the other side says outlasts the deadline is not waited for', async t => {
  t.equal(at('PROVIDER_UNAVAILABLE', { tries: 1, retryAfterMs: 60 * minute }), null)
})
