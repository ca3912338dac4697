import t from 'tap'
import { createMetrics } from '../src/metrics.ts'

const depth = async () => ({ queued: 3, running: 2, parked: 1, oldestMs: 1_500, unsealedMs: 0 })
const execution = 'messaging:AC1:SM1'

/** The lines of this project's own metrics, as a map from series to value. */
async function scrape(metrics: ReturnType<typeof createMetrics>): Promise<Record<string, number>> {
  const lines = (await metrics.text()).split('\n').filter(line => line.startsWith('knomly_'))
  return Object.fromEntries(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

t.test('each event moves the number that it is about', async t => {
  const metrics = createMetrics({ depth })
  const { observe } = metrics
  observe('message.accepted', { execution, kind: 'voice.received' })
  observe('message.accepted', { execution, kind: 'text.received' })
  observe('message.reconciled', { execution, kind: 'voice.received' })
  observe('reconcile.finished', { accepted: 1, unreadable: 4, complete: true, ms: 5 })
  observe('message.duplicate', { execution })
  observe('webhook.refused', { route: '/webhooks/twilio/messages', reason: 'SIGNATURE_INVALID' })
  observe('message.refused', { execution, reason: 'rate-limited' })
  observe('webhook.answered', { route: '/webhooks/twilio/messages', status: 200, ms: 7 })
  observe('step.finished', { execution, step: 'transcribe', ms: 700 })
  observe('provider.called', { use: 'respond', model: 'm', outcome: 'done', ms: 5, inputTokens: 30, outputTokens: 4 })
  observe('provider.called', {
    use: 'transcribe',
    model: 'm',
    outcome: 'PROVIDER_UNAVAILABLE',
    ms: 5,
    inputTokens: 0,
    outputTokens: 0
  })
  observe('execution.finished', { execution, state: 'done', ms: 9 })
  observe('outcome.unknown', { execution, step: 'run-tool' })
  observe('attempt.failed', {
    execution,
    step: 'send-part',
    code: 'SEND_UNAVAILABLE',
    cause: 'ECONNRESET',
    tries: 1,
    retryInMs: 5
  })
  observe('alert', { code: 'PROVIDER_REFUSED', execution })
  observe('status.unmatched', {})
  observe('kind.unknown', { execution, n: 2 })
  observe('lease.lost', { lane: 'abc' })
  t.match(await scrape(metrics), {
    'knomly_accepted_total{kind="voice.received"}': 1,
    'knomly_accepted_total{kind="text.received"}': 1,
    'knomly_reconciled_total{kind="voice.received"}': 1,
    knomly_reconcile_unreadable: 4,
    knomly_duplicates_total: 1,
    'knomly_refused_total{reason="SIGNATURE_INVALID"}': 1,
    'knomly_refused_total{reason="rate-limited"}': 1,
    'knomly_acknowledge_seconds_bucket{le="0.005"}': 0,
    'knomly_acknowledge_seconds_bucket{le="0.01"}': 1,
    knomly_acknowledge_seconds_sum: 0.007,
    'knomly_step_seconds_sum{step="transcribe"}': 0.7,
    'knomly_provider_calls_total{use="respond",outcome="done"}': 1,
    'knomly_provider_calls_total{use="transcribe",outcome="PROVIDER_UNAVAILABLE"}': 1,
    'knomly_provider_tokens_total{direction="input"}': 30,
    'knomly_provider_tokens_total{direction="output"}': 4,
    'knomly_outcomes_total{state="done"}': 1,
    knomly_unknown_outcomes_total: 1,
    'knomly_attempts_failed_total{step="send-part",code="SEND_UNAVAILABLE"}': 1,
    'knomly_alerts_total{code="PROVIDER_REFUSED"}': 1,
    knomly_status_unmatched_total: 1,
    knomly_unknown_kinds_total: 1,
    knomly_leases_lost_total: 1
  })
})

t.test('the depth of the queue is asked at each scrape', async t => {
  let queued = 0
  const metrics = createMetrics({ depth: async () => ({ ...(await depth()), queued: ++queued }) })
  t.match(await scrape(metrics), { 'knomly_queue_depth{state="queued"}': 1 })
  t.match(await scrape(metrics), {
    'knomly_queue_depth{state="queued"}': 2,
    'knomly_queue_depth{state="running"}': 2,
    'knomly_queue_depth{state="parked"}': 1,
    knomly_queue_oldest_seconds: 1.5
  })
})

t.test('a store that cannot be asked leaves the rest of the numbers standing', async t => {
  const metrics = createMetrics({ depth: () => Promise.reject(new Error('down')) })
  metrics.observe('message.duplicate', { execution })
  const series = await scrape(metrics)
  t.equal(series.knomly_duplicates_total, 1)
  t.ok(Number.isNaN(series.knomly_queue_oldest_seconds))
})

t.test('a label that is not of its closed set is counted as other', async t => {
  const metrics = createMetrics({ depth })
  metrics.observe('message.accepted', { execution, kind: 'planted' })
  metrics.observe('webhook.refused', { route: 'planted', reason: 'planted' })
  metrics.observe('step.finished', { execution, step: 'planted', ms: 1 })
  metrics.observe('execution.finished', { execution, state: 'planted', ms: 1 })
  metrics.observe('alert', { code: '__proto__', execution })
  const text = await metrics.text()
  t.notMatch(text, /planted|__proto__/)
  t.match(text, /knomly_accepted_total\{kind="other"\} 1/)
  t.match(text, /knomly_alerts_total\{code="other"\} 1/)
})

t.test('a number that is none is not counted and throws nothing', async t => {
  const metrics = createMetrics({ depth })
  const careless = metrics.observe as (event: string, fields: unknown) => void
  careless('step.finished', { step: 'think', ms: 'long' })
  careless('step.finished', { step: 'think', ms: Number.NaN })
  careless('step.finished', null)
  careless('nothing.known', {})
  t.notMatch(await metrics.text(), /knomly_step_seconds_\w+\{[^}]*think/)
})

t.test("the process's own numbers and the format of the text are Prometheus'", async t => {
  const metrics = createMetrics({ depth })
  t.match(await metrics.text(), /process_resident_memory_bytes \d+/)
  t.match(metrics.contentType, /^text\/plain; version=0\.0\.4/)
})

t.test('two servers in one process count apart', async t => {
  const [one, two] = [createMetrics({ depth }), createMetrics({ depth })]
  one.observe('message.duplicate', { execution })
  t.equal((await scrape(two)).knomly_duplicates_total, 0)
})
